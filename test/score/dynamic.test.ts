import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryTokens } from '../../src/data/tokens/memory-tokens.ts';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { makeEngine } from '../../src/engine/select.node.ts';
import { scoreDynamically } from '../../src/score/dynamic.ts';
import { scoreSequences } from '../../src/score/score-sequences.ts';
import { madeCheckpoint } from '../checkpoint/made-checkpoint.ts';

const symbols = [...' abcde'];
const vocabulary = new Vocabulary({ kind: 'character', normalize: 'none', symbols, hasUnknown: false });
const { config, parameters } = madeCheckpoint({ vocabulary });
const repeated = Int32Array.from({ length: 3_001 }, (_, i) => [1, 2, 3, 1, 5][i % 5] as number);
const sequences = [
  { first: 0, count: 2_000 },
  { first: 2_000, count: 13 },
  { first: 0, count: 2_000 },
];

async function sums(learningRate: number): Promise<Float64Array> {
  const { engine } = await makeEngine({ engine: 'auto', precision: 'float32' });
  const tokens = new MemoryTokens(repeated);
  const steps = scoreDynamically({ engine, config, parameters, tokens, sequences, learningRate });
  let step = await steps.next();
  while (!step.done) step = await steps.next();
  await engine.close();
  return step.value;
}

async function fixedWeights(): Promise<Float64Array> {
  const { engine } = await makeEngine({ engine: 'auto', precision: 'float32' });
  const nats = new Float64Array(sequences.length);
  const tokens = new MemoryTokens(repeated);
  for await (const run of scoreSequences({ engine, config, parameters, tokens, sequences, rows: 1 })) {
    for (const loss of run.losses) nats[run.sequence] = (nats[run.sequence] as number) + loss;
  }
  await engine.close();
  return nats;
}

test('the model learns a repetitive text while reading it; each sequence starts with the original weights', async () => {
  const adapted = await sums(1e-2);
  const plain = await fixedWeights();
  assert.ok((adapted[0] as number) < 0.85 * (plain[0] as number), `${adapted[0]} of ${plain[0]}`);
  assert.equal(adapted[2], adapted[0]);
  // Shorter than a block between updates: nothing is learned, and nothing is left of the previous sequence.
  assert.ok(Math.abs((adapted[1] as number) - (plain[1] as number)) < 1e-4);
});

test('with a tiny learning rate, the losses are those of fixed weights', async () => {
  const adapted = await sums(1e-12);
  (await fixedWeights()).forEach((nats, i) => {
    assert.ok(Math.abs((adapted[i] as number) - nats) < 1e-3);
  });
});
