/** Files with matrices in int8: written, read back, and refused if they are damaged. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkpointTensors, decodeCheckpoint } from '../../src/checkpoint/codec.ts';
import { encodeSafetensors } from '../../src/checkpoint/safetensors/safetensors.ts';
import { CELL_KINDS } from '../../src/engine/cells.ts';
import { LanguageModel } from '../../src/language-model.node.ts';
import { joinBytes } from '../../src/util/bytes.ts';
import { madeCheckpoint } from '../checkpoint/made-checkpoint.ts';

for (const kind of CELL_KINDS) {
  test(`${kind.cell} ${kind.reset ?? ''}: a file in int8 has the levels that an engine makes`, async () => {
    const checkpoint = madeCheckpoint({ ...kind, hiddenSize: 20, embeddingSize: 9 });
    const original = new LanguageModel(checkpoint, { quantize: 'int8', threads: 1 });
    const bytes = original.toBytes('safetensors', 'int8');
    const read = LanguageModel.fromBytes(bytes, 'm', { threads: 1 });
    assert.equal(read.quantization, 'int8');
    assert.equal(read.checkpoint.training, undefined);
    const write = { prompts: ['a'], length: 40, seed: 2 };
    assert.deepEqual(await read.generateAll(write), await original.generateAll(write));
    assert.deepEqual(new LanguageModel(read.checkpoint).toBytes('safetensors', 'int8'), bytes);
    await read.close();
    await original.close();
  });
}

test('a scale that is not positive, a level of -128 and missing scales are malformed', () => {
  const damaged = (change: (tensors: Map<string, { shape: readonly number[]; values: unknown }>) => void) => {
    const { training: _, ...model } = madeCheckpoint();
    const { tensors, metadata } = checkpointTensors(model, 'int8');
    const copy = new Map(tensors);
    change(copy);
    return joinBytes(encodeSafetensors({ tensors: copy, metadata }));
  };
  const name = 'rnn.weight_hh_l0';
  for (const scale of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    const bytes = damaged((tensors) => {
      (tensors.get(`${name}.scale`)?.values as Float32Array)[1] = scale;
    });
    assert.throws(() => decodeCheckpoint(bytes, 'm'), { code: 'checkpoint-malformed' });
  }
  const level = damaged((tensors) => {
    (tensors.get(name)?.values as Int8Array)[2] = -128;
  });
  assert.throws(() => decodeCheckpoint(level, 'm'), { code: 'checkpoint-malformed' });
  const missing = damaged((tensors) => void tensors.delete(`${name}.scale`));
  assert.throws(() => decodeCheckpoint(missing, 'm'), { code: 'checkpoint-malformed' });
});
