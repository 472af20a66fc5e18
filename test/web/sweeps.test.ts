/** The Sweeps page in headless Chromium: its states, by keyboard and for axe, live, and exported. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { buildPages } from '../../scripts/build-pages.mjs';
import { openPort } from '../../src/server/http/listen.node.ts';
import type { SweepStore } from '../../src/sweep/store.ts';
import { exportSite } from '../../src/ui/export/export-site.node.ts';
import { Access } from '../../src/ui/server/access.ts';
import { createUiServer } from '../../src/ui/server/ui-server.node.ts';
import { skipWithoutChromium } from '../browser/page.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { makeSweep } from '../ui/sweeps.ts';
import { violationsOf } from './axe.ts';
import { type OpenBrowser, openBrowser } from './site.ts';

const TOKEN = 'ThisIsTheTokenOfTheTest-';
const LOOKS = {
  light: {},
  dark: { colorScheme: 'dark' },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true },
} as const;

describe('the Sweeps page', { skip: skipWithoutChromium, timeout: 900_000 }, () => {
  const folder = sharedFolder();
  const [pages, full, running] = ['pages', 'full', 'running'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  let browser: OpenBrowser;
  let live: SweepStore;
  const servers: { close(): Promise<unknown> }[] = [];

  /** The address of a server that shows folders. */
  async function serve(...folders: string[]): Promise<string> {
    const port = await openPort({ port: 0 });
    const access = new Access(Number(new URL(port.url).port), [], TOKEN);
    const listening = port.serve(createUiServer({ folders, access, pages }));
    servers.push({ close: () => listening.close(0) });
    return `${port.url}/#token=${TOKEN}`;
  }

  async function openSweeps(address: string, look: keyof typeof LOOKS = 'light'): Promise<Page> {
    const page = await browser.open(address, LOOKS[look]);
    await page.getByRole('link', { name: 'Sweeps' }).click();
    return page;
  }

  before(async () => {
    await buildPages(pages);
    await (await makeSweep(full, { trials: 60, exploding: [3, 9], name: 'full' })).close();
    live = await makeSweep(join(running, 'live'), { jobs: 4, name: 'live' });
    mkdirSync(join(folder, 'broken'));
    writeFileSync(join(folder, 'broken', 'sweep.sqlite'), 'not a database '.repeat(100));
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await live?.close();
    for (const server of servers) await server.close();
    assert.deepEqual(browser?.problems, []);
  });

  /** On a phone, the table has its figures below each other, and is sorted by a menu. */
  async function assertReadable(page: Page): Promise<void> {
    const table = page.locator('.table');
    assert.ok(await table.evaluate(({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth));
    const first = table.locator('tbody tr').first();
    assert.match(
      await first.innerText(),
      /^\d+\s+1\.\d{4} ± 0\.0100\s+■ rung 3 of 3\s+hidden size \d+, cell/,
    );
    await page.getByLabel('sort by').selectOption('trial');
    await page.getByRole('button', { name: 'order: lowest first' }).click();
    await first.locator('button').filter({ hasText: /^60$/ }).waitFor();
  }

  for (const look of Object.keys(LOOKS) as (keyof typeof LOOKS)[])
    test(`no violations in any state, and no horizontal scrolling: ${look}`, async () => {
      const states = {
        empty: [join(folder, 'nothing'), 'No sweeps yet'],
        full: [full, 'How much each parameter matters'],
        running: [running, 'of the training known so far'],
        broken: [join(folder, 'broken'), "can't be used"],
      } as const;
      for (const [state, [shown, text]] of Object.entries(states)) {
        const page = await openSweeps(await serve(shown), look);
        await page.getByText(text).first().waitFor();
        assert.deepEqual(await violationsOf(page), [], state);
        // On a phone, `innerWidth` grows with a page that is too wide.
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.equal(width, page.viewportSize()?.width, state);
        if (look === 'phone' && state === 'full') await assertReadable(page);
        await page.context().close();
      }
    });

  test('the best trial, the shares of the parameters, and a line for each trial', async () => {
    const page = await openSweeps(await serve(full));
    await page.getByText('Best: trial').waitFor();
    await page.getByText('rung 1: 58 of 60 done, 2 exploded').waitFor();
    const rows = await page
      .getByRole('table', { name: 'How much each parameter matters' })
      .getByRole('row')
      .allInnerTexts();
    assert.match(rows[1] ?? '', /^learning rate\s+\d\d %\s+the middle is best$/);
    assert.equal(await page.locator('.trial-line').count(), 60);
    await page.getByLabel('compared at the end of').selectOption('3');
    await page.getByText('Only 6 trials').waitFor();
    assert.equal(await page.locator('.trial-line').count(), 6);
    await page.reload();
    await page.getByText('Only 6 trials').waitFor();
    await page.context().close();
  });

  test('by keyboard alone: sort by a column, mark a trial', async () => {
    const page = await openSweeps(await serve(full));
    const header = page.getByRole('columnheader', { name: 'trial', exact: true });
    await header.getByRole('button').focus();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    await page.locator('th[aria-sort=descending]', { hasText: 'trial' }).waitFor();
    const first = page.locator('tbody button.mark-trial').first();
    assert.equal(await first.innerText(), '60');
    await first.focus();
    await page.keyboard.press('Space');
    await page.locator('[aria-pressed=true]', { hasText: '60' }).waitFor();
    await page.locator('.trial-line polyline.chosen').waitFor({ state: 'attached' });
    assert.match(page.url(), /trial=60/);
    await page.keyboard.press('Space');
    await page.locator('.trial-line polyline.chosen').waitFor({ state: 'detached' });
    await page.context().close();
  });

  test('a result of a running sweep appears by itself, and the marked trial stays', async () => {
    const page = await openSweeps(await serve(running));
    await page.getByText('rung 1: 4 of 18 done').waitFor();
    await page.getByRole('button', { name: 'mark trial 2', exact: true }).click();
    const claim = await live.claim('w');
    assert.ok(claim);
    const best = { iteration: 20, epoch: 0.5, loss: 0.25, standardError: 0.01 };
    await live.finish(claim, { state: 'done', best, checkpoint: '/c', evaluations: [best] });
    await page.getByText('rung 1: 5 of 18 done').waitFor();
    await page.getByText(`Best: trial ${claim.trial.number}`).waitFor();
    await page.locator('[aria-pressed=true]', { hasText: '2' }).waitFor();
    await page.context().close();
  });

  test('an export shows the same', async () => {
    const site = join(folder, 'site');
    await exportSite({ folders: [full] }, site, pages);
    const page = await openSweeps(`${await browser.serveFiles(site)}/`);
    await page.getByText('Best: trial').waitFor();
    assert.equal(await page.locator('.trial-line').count(), 60);
    await page.context().close();
  });
});
