/** The chart of the page Runs: its axes, its sentence, and the part of the x axis that it shows. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Page, Request } from 'playwright-core';
import { buildPages } from '../../scripts/build-pages.mjs';
import { decodeFrames } from '../../src/ui/curve-frames.ts';
import type { Curve, CurvesRequest } from '../../src/ui/protocol.ts';
import { skipWithoutChromium } from '../browser/page.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { evaluated, finished, iteration, line, started, writeLog } from '../ui/logs.ts';
import { eventually } from './eventually.ts';
import { rowOf, withServer } from './runs-server.ts';
import { type OpenBrowser, openBrowser } from './site.ts';

/** A hundredfold fall over as many iterations as bins, so that no bin holds two of them. */
const POWERS = 400;
const LONG = 4000;

describe('the chart of runs', { skip: skipWithoutChromium, timeout: 900_000 }, () => {
  const folder = sharedFolder();
  const [runs, pages] = [join(folder, 'runs'), join(folder, 'pages')];
  let browser: OpenBrowser;

  before(async () => {
    await buildPages(pages);
    const log = (name: string, iterations: number, lossOf: (number: number) => number) => {
      let text = line(started({ runId: name, iterations }));
      for (let number = 1; number <= iterations; number++) {
        text += line(iteration(number, lossOf(number), { iterations, milliseconds: 500 }), number);
        if (number % 100 === 0) text += line(evaluated(number, lossOf(number) + 0.5), number);
      }
      writeLog(join(runs, name, 'lstm.log.jsonl'), text + line(finished(iterations), iterations));
    };
    log('powers', POWERS, (number) => 100 ** (1 - (number - 1) / (POWERS - 1)));
    log('long', LONG, (number) => (number === 2001 ? 9 : 2));
    browser = await openBrowser();
  });
  after(() => browser?.close());
  afterEach(() => assert.deepEqual(browser.problems.splice(0), []));

  /** Opens the page with some parameters, and waits for its chart. */
  const onPage = (
    query: string,
    use: (page: Page, name: (run: string) => Promise<string>) => Promise<void>,
  ) =>
    withServer({ browser, folders: [runs], pages }, async ({ address }) => {
      const page = await browser.open(address);
      const idOf = async (run: string) => {
        const link = rowOf(page, `runs/${run}`).getByRole('link', { name: `runs/${run}`, exact: true });
        return (await link.getAttribute('href'))?.split('=')[1] as string;
      };
      await page.getByRole('img', { name: /^Training loss/ }).waitFor();
      await page.evaluate((text) => {
        location.hash = `#/runs?${text}`;
      }, query);
      // Otherwise the chart of before could be taken for that of the parameters.
      await page.reload();
      await use(page, idOf);
    });

  const chart = (page: Page, words: RegExp) => page.getByRole('img', { name: words });
  const choice = (page: Page, name: string) => page.getByRole('combobox', { name, exact: true });
  const field = (page: Page, name: string) => page.getByRole('spinbutton', { name, exact: true });

  test('says in a sentence what it shows, for every axis', async () => {
    await onPage('smooth=0', async (page) => {
      await chart(
        page,
        /^Training loss by iteration, from 1 to 4,000, of 2 curves\. At the end, runs\/powers is lowest with 1 and runs\/long highest with 2\.$/,
      ).waitFor();
      await choice(page, 'x').selectOption('epoch');
      await chart(page, /^Training loss by epoch, from 0\.1 to 400, /).waitFor();
      await choice(page, 'x').selectOption('time');
      await chart(page, /^Training loss by seconds of training, from 0\.5 to 2,000, /).waitFor();
      await choice(page, 'y').selectOption('validationLoss');
      await chart(page, /^Validation loss .* runs\/powers is lowest with 1\.5 /).waitFor();
      await page.getByLabel('logarithmic').check();
      await chart(page, /The y axis is logarithmic\.$/).waitFor();
      await page.getByLabel('show runs/long in the chart').uncheck();
      await chart(page, / of runs\/powers\. It ends at 1\.5\. The y axis/).waitFor();
    });
  });

  test('a linear and a logarithmic axis: the pixels of a curve that falls from 100 to 1', async () => {
    await onPage('smooth=0', async (page) => {
      await page.getByLabel('show runs/long in the chart').uncheck();
      await chart(page, /of runs\/powers\./).waitFor();
      // At the middle of the way: 10.
      await assertMiddleHeight(page, 9 / 99);
      await page.getByLabel('logarithmic').check();
      await chart(page, /logarithmic/).waitFor();
      await assertMiddleHeight(page, 0.5);
    });
  });

  test('a part of the x axis, by its fields: the server sends it in full detail, a reload keeps it', async () => {
    await onPage('smooth=0', async (page, idOf) => {
      const id = await idOf('long');
      await chart(page, /from 1 to 4,000/).waitFor();
      const asked = page.waitForRequest(isFor(({ from, to }) => from === 1901 && to === 2100));
      await field(page, 'from').fill('1901');
      await field(page, 'to').fill('2100');
      await field(page, 'to').blur();
      const long = (await answerTo(await asked)).find((curve) => curve.id === id) as Curve;
      assert.equal(long.width, 1);
      assert.equal(long.x.length, 200);
      assert.equal(long.smooth[100], 9);
      await chart(page, /from 1,901 to 2,100, of runs\/long\./).waitFor();
      await page.reload();
      await chart(page, /from 1,901 to 2,100, of runs\/long\./).waitFor();
      assert.equal(await field(page, 'from').inputValue(), '1901');
      await field(page, 'to').fill('1000');
      await field(page, 'to').blur();
      await page.getByRole('alert').getByText('“from” must be less than “to”.').waitFor();
      await chart(page, /from 1,901 to 2,100/).waitFor();
      await page.getByRole('button', { name: 'Show all' }).click();
      await chart(page, /from 1 to 4,000, of 2 curves/).waitFor();
      assert.equal(await page.getByRole('alert').count(), 0);
      assert.deepEqual(
        [await field(page, 'from').inputValue(), await field(page, 'to').inputValue()],
        ['', ''],
      );
      await field(page, 'from').fill('3500');
      await field(page, 'from').blur();
      await chart(page, /from 3,50[01] to 4,000, of runs\/long\./).waitFor();
      await field(page, 'from').fill('5000');
      await field(page, 'from').blur();
      await page.getByText('The chosen runs have no training loss in this part of the x axis.').waitFor();
    });
  });

  test('a part of the x axis, by dragging: the same request, and a double click shows all again', async () => {
    await onPage('smooth=0', async (page) => {
      await chart(page, /from 1 to 4,000/).waitFor();
      const box = await page.locator('.u-over').boundingBox();
      assert.ok(box);
      const [left, middle] = [box.x + box.width / 4, box.y + box.height / 2];
      const asked = page.waitForRequest(isFor(({ from, to }) => from !== undefined && to !== undefined));
      await page.mouse.move(left, middle);
      await page.mouse.down();
      await page.mouse.move(left + box.width / 4, middle, { steps: 5 });
      await page.mouse.up();
      await asked;
      const [from, to] = [await field(page, 'from').inputValue(), await field(page, 'to').inputValue()];
      assert.ok(Math.abs(Number(from) - 1000) < 50 && Math.abs(Number(to) - 2000) < 50, `${from} to ${to}`);
      assert.match(from + to, /^\d+$/);
      assert.equal(await page.getByRole('button', { pressed: true }).count(), 0, 'dragging pins no run');
      await page.locator('.u-over').dblclick({ position: { x: 20, y: box.height / 2 } });
      await chart(page, /from 1 to 4,000/).waitFor();
    });
  });

  test('without a curve, the page gives the reason instead of reading forever', async () => {
    const other = join(folder, 'other');
    writeLog(join(other, 'new', 'lstm.log.jsonl'), line(started({ runId: 'new' })));
    await withServer({ browser, folders: [other], pages }, async ({ address }) => {
      const page = await browser.open(address);
      await page.getByText('The chosen runs have no training loss yet.').waitFor();
      await page.getByLabel('show other/new in the chart').uncheck();
      await page.getByText('Choose runs in the table to see their curves.').waitFor();
    });
  });
});

function isFor(fits: (request: CurvesRequest) => boolean): (request: Request) => boolean {
  return (request) => request.url().endsWith('/api/curves') && fits(request.postDataJSON() as CurvesRequest);
}

/** What the server answers to a request of the page. */
async function answerTo(request: Request): Promise<Curve[]> {
  const init = { method: 'POST', headers: await request.allHeaders(), body: request.postData() };
  const response = await fetch(request.url(), init);
  const curves: Curve[] = [];
  for await (const frame of decodeFrames([new Uint8Array(await response.arrayBuffer())]))
    if (frame.type === 'curve') curves.push(frame);
  return curves;
}

/** A chart is drawn in one of the frames after its words have changed. */
function assertMiddleHeight(page: Page, expected: number): Promise<void> {
  return eventually(async () => {
    const height = await middleHeight(page);
    assert.ok(Math.abs(height - expected) < 0.03, `${height}, not ${expected}`);
  });
}

/** How high the only curve is in the middle of its width, from 0 at its lowest to 1 at its highest point. */
async function middleHeight(page: Page): Promise<number> {
  const colour = await page.locator('.run-swatch line').first().getAttribute('stroke');
  return page.evaluate((hex) => {
    const canvas = document.querySelector('canvas') as HTMLCanvasElement;
    const area = document.querySelector('.u-over') as HTMLElement;
    const [width, height] = [area.offsetWidth, area.offsetHeight];
    const { data } = (canvas.getContext('2d') as CanvasRenderingContext2D).getImageData(
      ...([area.offsetLeft, area.offsetTop, width, height] as const),
    );
    const wanted = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
    const points: { x: number; y: number }[] = [];
    for (let at = 0; at < data.length; at += 4)
      if (wanted.every((part, k) => Math.abs((data[at + k] as number) - part) < 20))
        points.push({ x: (at / 4) % width, y: Math.floor(at / 4 / width) });
    const xs = points.map(({ x }) => x);
    const ys = points.map(({ y }) => y);
    const [left, right] = [Math.min(...xs), Math.max(...xs)];
    const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
    const middle = points.filter(({ x }) => x === Math.round((left + right) / 2)).map(({ y }) => y);
    const mean = middle.reduce((sum, y) => sum + y, 0) / middle.length;
    return (bottom - mean) / (bottom - top);
  }, colour as string);
}
