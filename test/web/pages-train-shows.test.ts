/** What the Train page shows of a run, in headless Chromium: the facts that `train` prints, a live curve, samples, the loss to beat. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { train } from '../../src/index.ts';
import { judgeSize } from '../../src/train/advice/rules.ts';
import { baselineText } from '../../src/train/event-facts.ts';
import type { TrainingEvent } from '../../src/train/events.ts';
import { skipWithoutChromium } from '../browser/page.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { HARBOUR, hasPassed, startLongRun, startRun } from './actions.ts';
import { eventually } from './eventually.ts';
import { sharedSite } from './site.ts';

const OPTIONS = {
  ...{ hiddenSize: 12, batchSize: 4, sequenceLength: 12, evaluateEvery: 40, maxIterations: 200 },
  // The rest is held out for a test.
  ...{ trainFraction: 0.8, validationFraction: 0.1 },
};

type Event<Type> = Extract<TrainingEvent, { type: Type }>;

/** The events of the same run in Node, by type. */
async function eventsInNode() {
  const events: TrainingEvent[] = [];
  const input = { text: HARBOUR, name: 'pasted-text', engine: 'wasm' } as const;
  for await (const event of train({ ...input, ...OPTIONS })) events.push(event);
  return <Type extends TrainingEvent['type']>(type: Type) =>
    events.filter((event): event is Event<Type> => event.type === type);
}

/** In the page: the columns of the chart that have pixels of a colour of style.css, each with their mean height. */
function coloured(name: string): (readonly [x: number, y: number])[] {
  const canvas = document.querySelector<HTMLCanvasElement>('.chart canvas');
  const context = canvas?.getContext('2d');
  if (!canvas || !context) return [];
  const probe = document.createElement('canvas').getContext('2d') as CanvasRenderingContext2D;
  probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  probe.fillRect(0, 0, 1, 1);
  const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data;
  const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height);
  const found: (readonly [number, number])[] = [];
  for (let x = 0; x < width; x++) {
    const rows: number[] = [];
    for (let y = 0; y < height; y++) {
      const at = 4 * (y * width + x);
      if (data[at] === red && data[at + 1] === green && data[at + 2] === blue) rows.push(y);
    }
    if (rows.length > 0) found.push([x, rows.reduce((sum, y) => sum + y, 0) / rows.length]);
  }
  return found;
}

describe('the run on the Train page', { skip: skipWithoutChromium, timeout: 900_000 }, () => {
  const site = sharedSite(sharedFolder());

  test('shows the facts of `train`, and the numbers and samples of the same run in Node', async () => {
    const of = await eventsInNode();
    const page = await site().open('#/train');
    await startRun(page, HARBOUR, { preset: '', time: '', ...OPTIONS });
    await page.getByText('has made all its iterations').waitFor();
    const [started] = of('started');
    const [baseline] = of('baseline');
    assert.ok(started && baseline);
    assert.ok(started.batches.test > 0);
    const { batches, parameters, vocabularySize } = started;
    const facts = await page.locator('.facts li').allInnerTexts();
    const memory = facts.find((fact) => fact.startsWith('memory: ')) ?? '';
    const engine = facts.find((fact) => fact.startsWith('engine: ')) ?? '';
    assert.match(memory, /^memory: about [\d.]+ [kM]B/);
    assert.match(engine, /WebAssembly/);
    const { sentence } = judgeSize(parameters, started.tokens);
    assert.match(sentence, /: a good size for this text$/);
    assert.deepEqual(
      facts.filter((fact) => fact !== memory && fact !== engine),
      [
        `text: pasted-text, 14,400 bytes, 14,400 characters, ${vocabularySize} of them different`,
        `batches: ${batches.train} for training, ${batches.validation} for validation, ${batches.test} for the test`,
        `model: lstm, 2 × 12, ${parameters.toLocaleString('en')} parameters, forget gate biases start at 1`,
        `size: ${sentence}`,
        `baseline: ${baselineText(baseline, started)}`,
      ],
    );
    const evaluated = of('evaluated');
    const best = evaluated.findLast((event) => event.best);
    assert.ok(best && evaluated.length > 3);
    const caption = await page.locator('.chart figcaption').innerText();
    assert.match(caption, /^Training loss \d\.\d{3} nats per character; /);
    assert.ok(
      caption.endsWith(
        `best validation loss ${best.validationLoss.toFixed(4)} at iteration ${best.iteration}.`,
      ),
      caption,
    );
    const last = of('iteration').at(-1);
    assert.match(
      await page.locator('.figures').innerText(),
      new RegExp(`^iteration 200 of 200, .*loss ${last?.trainLoss.toFixed(4)}, `),
    );
    const samples = of('sampled');
    const slider = page.getByLabel('which sample');
    for (const [index, sample] of samples.entries()) {
      await slider.fill(String(index));
      await page.getByRole('heading', { name: `Sample after iteration ${sample.iteration}` }).waitFor();
      assert.equal(await page.locator('pre.sample').textContent(), sample.text);
    }
    await page.context().close();
  });

  test('the chart has a curve of each kind; the smoothed one gets longer during the run and falls with the loss', async () => {
    const page = await site().open('#/train');
    const columns = (name: string) => page.evaluate(coloured, name);
    await startLongRun(page, { evaluateEvery: '50' });
    await page.getByText('best validation loss').first().waitFor();
    const loss = async (below: number) => {
      const found = await page.waitForFunction((most) => {
        const caption = document.querySelector('.chart figcaption')?.textContent ?? '';
        const shown = Number(/Training loss (\d\.\d+)/.exec(caption)?.[1]);
        return shown < most && shown;
      }, below);
      return Number(await found.jsonValue());
    };
    const early = { loss: await loss(Number.MAX_VALUE), picture: await columns('--blue') };
    await page.waitForFunction(hasPassed, 400);
    await loss(early.loss);
    // The chart is drawn in one of the next frames.
    await eventually(async () => {
      const late = await columns('--blue');
      assert.notDeepEqual(late, early.picture);
      const [first, last] = [late[0], late.at(-1)];
      assert.ok(first && last && last[0] - first[0] > 100, 'the curve is as wide as the chart');
      // Down is a greater y.
      assert.ok(last[1] > first[1] + 20, `${first} to ${last}`);
      assert.ok((await columns('--orange')).length > 5);
      assert.ok((await columns('--faint')).length > 50);
      assert.match(await page.locator('.u-legend').innerText(), /count model of order \d/);
    });
    await page.keyboard.press('Escape');
    await page.getByText('Stopped. The model').waitFor();
    await page.context().close();
  });
});
