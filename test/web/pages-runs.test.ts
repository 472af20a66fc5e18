/** The pages of runs in headless Chromium: over the server of `char-rnn ui`, and from its export. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { buildPages } from '../../scripts/build-pages.mjs';
import { FolderLock } from '../../src/checkpoint/storage/folder-lock.node.ts';
import { train } from '../../src/train/train.node.ts';
import { exportSite } from '../../src/ui/export/export-site.node.ts';
import { skipWithoutChromium } from '../browser/page.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { iteration, line, run, writeLog } from '../ui/logs.ts';
import { assertAccessible, LOOKS } from './accessibility.ts';
import { rowOf as rowOfName, type ServedRuns, withServer as serve, TOKEN } from './runs-server.ts';
import { type OpenBrowser, openBrowser } from './site.ts';

/** A folder whose name would be a script if it were not shown as text. */
const SCRIPT = '<img src=x onerror=alert(1)>';

describe('runs on the pages', { skip: skipWithoutChromium, timeout: 900_000 }, () => {
  const folder = sharedFolder();
  const [runs, pages] = [join(folder, 'runs'), join(folder, 'pages')];
  const live = join(runs, 'live');
  const log = join(live, 'lstm.log.jsonl');
  let browser: OpenBrowser;
  let lock: FolderLock;

  before(async () => {
    await buildPages(pages);
    writeLog(log, run(50, { runId: 'live' }));
    writeLog(join(runs, SCRIPT, 'lstm.log.jsonl'), run(20, { runId: '<script>alert(2)</script>' }));
    const text = `${'the quick brown fox jumps over the lazy dog. '.repeat(60)}\n`;
    for await (const _ of train({
      ...{ text, checkpointDir: join(runs, 'trained'), maxIterations: 4, evaluateEvery: 2 },
      ...{ batchSize: 4, sequenceLength: 8, hiddenSize: 4, layers: 1, engine: 'reference' },
    }));
    lock = await FolderLock.acquire(live);
    browser = await openBrowser();
  });
  after(async () => {
    lock?.release();
    await browser?.close();
  });
  afterEach(() => assert.deepEqual(browser.problems.splice(0), []));

  const withServer = (use: (served: ServedRuns) => Promise<void>, folders = [runs], port = 0) =>
    serve({ browser, folders, pages, port }, use);

  const rowOf = (page: Page, name: string) => rowOfName(page, `runs/${name}`);

  test('the list, a new line, one run, and its model in the page', async () => {
    await withServer(async ({ address }) => {
      const page = await browser.open(address);
      await rowOf(page, SCRIPT).waitFor();
      // The worker would delay the list, which needs no model. What the list needs is fetched at once.
      assert.equal(page.workers().length, 0);
      const fetchedLate = await page.evaluate(() => {
        const files = performance.getEntriesByType('resource') as PerformanceResourceTiming[];
        const main = files.find(({ name }) => /\/main-[^/]+$/.test(name));
        const late = files.filter((file) => file.startTime > (main?.responseEnd ?? 0));
        return late.map(({ name }) => name).filter((name) => name.endsWith('.js'));
      });
      assert.deepEqual(fetchedLate, []);
      assert.doesNotMatch(page.url(), /token/);
      assert.equal(await page.evaluate(() => crossOriginIsolated), true);
      appendFileSync(log, line(iteration(777), 100));
      await rowOf(page, 'live').getByText('777 / 1,000').waitFor();
      await page.getByRole('link', { name: 'runs/trained', exact: true }).click();
      await page.getByRole('heading', { name: 'runs/trained' }).waitFor();
      await page.reload();
      await page.getByRole('button', { name: 'Write' }).first().click();
      await page.getByRole('heading', { name: 'Write' }).waitFor();
      await page.getByRole('button', { name: 'Write', exact: true }).click();
      await page.getByText('characters a second').waitFor();
    });
  });

  test('a log that gets half a line, a line of 1 GB, is cut, replaced, deleted and comes back', async () => {
    writeFileSync(log, run(50, { runId: 'live' }));
    await withServer(async ({ address }) => {
      const page = await browser.open(address);
      const row = rowOf(page, 'live');
      await row.getByText('50 / 1,000').waitFor();
      const whole = line(iteration(51, 1.25), 51);
      appendFileSync(log, whole.slice(0, 40));
      // The server looks at all logs, one after the other: with the second change of another one, it has seen the half line.
      for (const number of [21, 22]) {
        appendFileSync(join(runs, SCRIPT, 'lstm.log.jsonl'), line(iteration(number), number));
        await rowOf(page, SCRIPT).getByText(`${number} / 1,000`).waitFor();
      }
      assert.match((await row.textContent()) ?? '', /50 \/ 1,000/);
      appendFileSync(log, whole.slice(40));
      await row.getByText('51 / 1,000').waitFor();
      await row.getByText('1.2500').waitFor();
      truncateSync(log, statSync(log).size + 1e9);
      appendFileSync(log, `\n${line(iteration(52, 1.125), 52)}`);
      await row.getByText('52 / 1,000').waitFor({ timeout: 300_000 });
      truncateSync(log, run(30, { runId: 'live' }).length);
      await row.getByText('30 / 1,000').waitFor();
      const other = `${log}.new`;
      writeFileSync(other, run(70, { runId: 'another' }));
      renameSync(other, log);
      await row.getByText('70 / 1,000').waitFor();
      rmSync(log);
      await row.waitFor({ state: 'detached' });
      writeFileSync(log, run(40, { runId: 'live' }));
      await row.getByText('40 / 1,000').waitFor();
    });
  });

  test('a server that goes away is reported, and the page goes on when it is back', async () => {
    writeFileSync(log, run(50, { runId: 'live' }));
    await withServer(async ({ address, stop }) => {
      const page = await browser.open(address);
      await rowOf(page, 'live').getByText('50 / 1,000').waitFor();
      const port = await stop();
      await page.getByText('char-rnn ui does not answer').waitFor();
      await page.getByRole('link', { name: 'Write' }).click();
      await page.getByRole('button', { name: 'Open the example model' }).click();
      await page.getByText('there is no connection').waitFor();
      await page.getByRole('link', { name: 'Runs' }).click();
      appendFileSync(log, line(iteration(60), 60));
      await withServer(
        async () => {
          await rowOf(page, 'live').getByText('60 / 1,000').waitFor();
          await page.getByText('char-rnn ui does not answer').waitFor({ state: 'detached' });
        },
        [runs],
        port,
      );
    });
    const expected =
      /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET|status of 503/;
    assert.deepEqual(
      browser.problems.splice(0).filter((problem) => !expected.test(problem)),
      [],
    );
  });

  for (const look of LOOKS)
    test(`${look.colorScheme}, ${look.viewport.width} px: no violation of WCAG, and nothing is wider than the page`, async () => {
      writeFileSync(log, run(50, { runId: 'live' }));
      for (let k = 0; k < 3; k++) {
        const text = 'And so they sailed. '.repeat(10);
        appendFileSync(log, line({ type: 'sampled', iteration: 10 * k + 10, text }, 50));
      }
      appendFileSync(
        log,
        line(
          { type: 'advice', code: 'overfitting', remedies: [], message: 'A larger dropout may help.' },
          50,
        ),
      );
      await withServer(async ({ address, stop }) => {
        const page = await browser.open(address, look);
        const check = (state: string) => assertAccessible(page, state);
        await rowOf(page, 'live').getByText('▶').waitFor();
        await page.locator('canvas').first().waitFor();
        await check('runs, one of them running');
        const smooth = page.getByRole('slider', { name: /smoothing/ });
        await smooth.focus();
        await page.keyboard.press('ArrowLeft');
        await page.getByLabel('filter the runs').fill('no such run');
        await page.getByText('0 of 3 runs').waitFor();
        await check('no run fits the filter');
        await page.getByLabel('filter the runs').fill('');
        await page.getByRole('link', { name: 'runs/live', exact: true }).click();
        await page.locator('canvas').first().waitFor();
        await page.getByRole('heading', { name: 'Advice and warnings' }).waitFor();
        await check('a running run');
        await page.goto(`${address.split('#')[0]}#/run?id=0123456789ab`);
        await page.getByRole('alert').waitFor();
        await check('a run that is not there');
        await stop();
        await page.getByText('char-rnn ui does not answer').waitFor();
        await check('the server is gone');
      });
      const empty = join(folder, 'empty');
      mkdirSync(empty, { recursive: true });
      await withServer(
        async ({ address }) => {
          const page = await browser.open(address, look);
          await page.getByRole('heading', { name: 'No runs yet' }).waitFor();
          await assertAccessible(page, 'no runs');
        },
        [empty],
      );
      const expected = /status of 404|ERR_/;
      assert.deepEqual(
        browser.problems.splice(0).filter((problem) => !expected.test(problem)),
        [],
      );
    });

  for (const look of LOOKS)
    test(`${look.colorScheme}, ${look.viewport.width} px: with a wrong token, the page says so, and shows no empty list as if it were complete`, async () => {
      await withServer(async ({ address }) => {
        const page = await browser.open(address.replace(TOKEN, 'AnotherToken'), look);
        await page
          .getByText(/^The token is missing or wrong\. Open the address that the program printed\.$/)
          .waitFor();
        await page.getByText('No runs could be loaded.').waitFor();
        assert.equal(await page.getByRole('table').count(), 0);
        await assertAccessible(page, 'a wrong token');
      });
      const problems = browser.problems.splice(0);
      assert.ok(
        problems.every((problem) => /status of 401/.test(problem)),
        problems.join(),
      );
    });

  test('from an export on a plain web host: the same list and the same run', async () => {
    writeFileSync(log, run(50, { runId: 'live' }));
    const site = join(folder, 'site');
    await exportSite({ folders: [runs] }, site, pages);
    const page = await browser.open(`${await browser.serveFiles(site)}/#/runs`);
    await page.getByRole('link', { name: 'trained' }).click();
    await page.getByRole('heading', { name: 'trained' }).waitFor();
    await page.getByRole('button', { name: 'Write' }).first().click();
    await page.getByRole('heading', { name: 'Write' }).waitFor();
    await browser.closePages();
  });
});
