/** Checkpoints of an earlier version load, sample, score and resume to the bit (test/fixtures/earlier/resumed/README.md). */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { memoryStorage } from '../../src/index.ts';
import { LanguageModel } from '../../src/language-model.node.ts';
import { train } from '../../src/train/train.node.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
const expected = JSON.parse(readFileSync(fixture('earlier/resumed/expected.json'), 'utf8'));
const text = readFileSync(fixture('original/harbour.txt'), 'utf8');
const computed = { engine: 'wasm', threads: 1 } as const;

function hash(values: { buffer: ArrayBufferLike; byteOffset: number; byteLength: number }): string {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}

/** The facts about a checkpoint that `expected.json` records. */
async function factsOf(checkpoint: Checkpoint) {
  const { parameters, training } = checkpoint;
  assert.ok(training);
  const model = new LanguageModel(checkpoint, computed);
  const input = { prompts: ['the '], length: 40, seed: 5 };
  const [plain] = await model.generateAll({ ...input, temperature: 0.7 });
  const [controlled] = await model.generateAll({
    ...input,
    ...{ topK: 8, topP: 0.9, presencePenalty: 0.3, mirostat: 3 },
  });
  const { nats } = await model.score('the harbour wall');
  await model.close();
  return {
    parameters: hash(parameters),
    moments: training.moments.map(hash),
    carriedState: training.carriedState.map(hash),
    ...{ learningRate: training.learningRate, iteration: training.iteration },
    ...{ plain, controlled, nats },
  };
}

for (const name of ['lstm', 'gru', 'rnn']) {
  test(`a checkpoint of an earlier version: ${name}`, async () => {
    const path = fixture(`earlier/resumed/${name}.safetensors`);
    const { checkpoint } = await LanguageModel.load(path, computed);
    assert.deepEqual(await factsOf(checkpoint), expected[name].stored);
    let resumed: Checkpoint | undefined;
    // In memory, because a run writes next to its checkpoint by default.
    const checkpointDir = memoryStorage();
    for await (const event of train({ resume: path, text, checkpointDir, maxIterations: 420, ...computed }))
      if (event.type === 'finished') resumed = event.checkpoint;
    assert.deepEqual(await factsOf(resumed as Checkpoint), expected[name].resumed);
  });
}
