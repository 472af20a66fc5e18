/** Texts that are drawn on the software adapter: they begin and end like those of the host. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { MakeEngine } from '../../../src/engine/choose.ts';
import { type GenerateInput, LanguageModel } from '../../../src/index.ts';
import { madeCheckpoint } from '../../checkpoint/made-checkpoint.ts';
import { holdDevice, softwareEngine } from './engines.ts';
import { skipWithoutSoftwareGpu as skip } from './software.ts';

let release = () => {};
before(async () => {
  if (!skip) release = await holdDevice();
});
after(() => release());

const checkpoint = madeCheckpoint({ cell: 'lstm', layers: 2, hiddenSize: 16 });
const makeEngine: MakeEngine = async () => ({ engine: await softwareEngine(), notice: undefined });
const INPUT = { seed: 7, length: 100, temperature: 0.8, draws: 'device' } as const;

async function write(model: LanguageModel, input: GenerateInput) {
  let text = '';
  for await (const piece of model.generatePieces(input)) {
    text += new TextDecoder().decode(piece.bytes);
    if (piece.ending) return { text, ending: piece.ending };
  }
  throw new Error('the text did not end');
}

test('a text is the same alone and among others, and where no rounding decides, that of the host', {
  skip,
}, async () => {
  const model = new LanguageModel(checkpoint, { makeEngine });
  const alone = await write(model, INPUT);
  assert.equal([...alone.text].length, INPUT.length);
  assert.deepEqual(await write(model, { ...INPUT, draws: 'host' }), alone);
  const together = await model.generateAll({ ...INPUT, prompts: ['', 'a', '', 'b'] });
  assert.equal(together[0], alone.text);
  assert.equal(new Set(together).size, 4);
  await model.close();
});

test('a text ends at its length, its stop text or its time, whatever the device has drawn beyond, and others continue', {
  skip,
}, async () => {
  const model = new LanguageModel(checkpoint, { makeEngine });
  const { text } = await write(model, INPUT);
  const symbols = [...text];
  const stop = symbols.slice(30, 33).join('');
  const [stopped, short, whole, timed] = await Promise.all([
    write(model, { ...INPUT, stop }),
    write(model, { ...INPUT, length: 17 }),
    write(model, INPUT),
    write(model, { ...INPUT, length: undefined, seconds: 0.3 }),
  ]);
  assert.deepEqual(stopped, { text: text.slice(0, text.indexOf(stop)), ending: 'stop' });
  assert.deepEqual(short, { text: symbols.slice(0, 17).join(''), ending: 'length' });
  assert.deepEqual(whole, { text, ending: 'length' });
  assert.equal(timed.ending, 'seconds');
  const [one, other] = [timed.text, text].sort((a, b) => a.length - b.length) as [string, string];
  assert.ok(other.startsWith(one));
  await model.close();
});

test('after a text is cancelled, the next ones are not changed by it', { skip }, async () => {
  const model = new LanguageModel(checkpoint, { makeEngine });
  const expected = await write(model, { ...INPUT, prompt: 'a' });
  const controller = new AbortController();
  const other = write(model, { ...INPUT, prompt: 'a' });
  await assert.rejects(async () => {
    for await (const _ of model.generate({ ...INPUT, length: 10_000, signal: controller.signal }))
      controller.abort(new Error('enough'));
  }, /enough/);
  assert.deepEqual(await other, expected);
  assert.deepEqual(await write(model, { ...INPUT, prompt: 'a' }), expected);
  await model.close();
});
