/**
 * A label says what a unit tracks; holding the unit shows that the model uses it for this. A model is trained for less than a minute on lines of
 * at most 32 characters.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LanguageModel, type TrainInput, train } from '../../src/index.ts';

const example = fileURLToPath(new URL('../../models/moby-dick.safetensors', import.meta.url));
const WIDTH = 32;

/** 400,000 characters that the example model writes, in lines of another width than those that it was trained on. */
async function wrappedText(): Promise<string> {
  const model = await LanguageModel.load(example);
  const prompts = new Array<string>(40).fill('\n');
  const texts = await model.generateAll({ prompts, length: 10_000, temperature: 0.7, seed: 1 });
  await model.close();
  const lines: string[] = [];
  let line = '';
  for (const word of texts.join(' ').split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return `${lines.join('\n')}\n`;
}

test('the unit labelled "position in line" determines the length of the lines', async (context) => {
  const text = await wrappedText();
  const options: TrainInput = {
    ...{ cell: 'gru', layers: 1, hiddenSize: 128, dropout: 0, sequenceLength: 64, batchSize: 32 },
    ...{ optimizer: 'adam', schedule: 'cosine', learningRate: 0.004, maxIterations: 2000, seed: 1 },
    evaluateEvery: 2000,
  };
  let checkpoint: LanguageModel['checkpoint'] | undefined;
  for await (const event of train({ text, ...options })) {
    if ('checkpoint' in event) checkpoint = event.checkpoint;
  }
  assert.ok(checkpoint);
  const model = new LanguageModel(checkpoint);
  const read = text.slice(0, 20_000);
  const found = (await model.labelUnits(read)).find(({ label }) => label === 'position in line');
  assert.ok(found, 'no unit has this label');
  const { layer, unit, r } = found;
  // High: its value late in a line.
  const values = [...(await model.states(read)).column(layer, unit)].sort((a, b) => (r < 0 ? b - a : a - b));
  const valueAt = (fraction: number) => values[Math.floor(fraction * (values.length - 1))] as number;
  const meanLength = async (value?: number) => {
    const hold = value === undefined ? [] : [{ layer, unit, value }];
    const prompts = new Array<string>(10).fill('\n');
    const texts = await model.generateAll({ prompts, length: 2000, temperature: 0.7, seed: 1, hold });
    const ends = texts.reduce((sum, own) => sum + own.split('\n').length - 1, 0);
    return (prompts.length * 2000) / Math.max(1, ends);
  };
  const free = await meanLength();
  const high = await meanLength(valueAt(0.95));
  const low = await meanLength(valueAt(0.05));
  await model.close();
  context.diagnostic(
    `unit ${layer}.${unit}, r ${r.toFixed(2)}: mean length ${free.toFixed(1)} free, ${high.toFixed(1)} high, ${low.toFixed(1)} low`,
  );
  assert.ok(high <= free / 2, `high: ${high}, free: ${free}`);
  assert.ok(low >= free * 1.5, `low: ${low}, free: ${free}`);
});
