/** If a GPU device is lost, a run goes on with the same bits on a new device, and a model makes a new engine for its next call. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openNodeDevice } from '../../src/engine/webgpu/provider.node.ts';
import { WebGpuEngine } from '../../src/engine/webgpu/webgpu-engine.ts';
import { EngineLostError } from '../../src/errors.ts';
import { LanguageModel } from '../../src/language-model.ts';
import { madeCheckpoint } from '../checkpoint/made-checkpoint.ts';
import { skipWithoutSoftwareGpu } from '../engine/webgpu/software.ts';
import { loseDevices } from './lose-devices.ts';

describe('on the software adapter', { skip: skipWithoutSoftwareGpu }, () => {
  before(() => {
    process.env.CHAR_RNN_GPU = 'software';
  });
  after(() => {
    delete process.env.CHAR_RNN_GPU;
    delete process.env.VK_ICD_FILENAMES;
  });

  test('runs whose device is lost at a random call write the same files', async () => {
    const { runs, destroyed, outOfMemory } = await loseDevices({ openDevice: openNodeDevice, runs: 2 });
    assert.equal(runs, 2);
    // A fault that comes after the last read of its run is not noticed.
    assert.ok(destroyed + outOfMemory >= 1, 'a fault was noticed');
  });

  test('a model whose device is lost while it generates and scores', async () => {
    const devices: GPUDevice[] = [];
    const model = new LanguageModel(madeCheckpoint({}), {
      precision: 'float32',
      makeEngine: async () => {
        const gpu = await openNodeDevice(0);
        devices.push(gpu.device);
        return { engine: new WebGpuEngine(gpu), notice: undefined };
      },
    });
    const prompt = model.vocabulary.symbols.slice(0, 3).join('');
    const generate = () => model.generateAll({ prompts: [prompt], length: 8, seed: 3 });
    const expected = await generate();
    const calls = [generate(), model.score(prompt.repeat(3))];
    devices[0]?.destroy();
    for (const call of await Promise.allSettled(calls)) {
      assert.ok(call.status === 'rejected' && call.reason instanceof EngineLostError);
      const { message } = call.reason;
      assert.match(message, /^the GPU .* was lost: .*\nTo compute on the CPU: engine: "auto"/);
    }
    assert.deepEqual(await generate(), expected);
    assert.equal(devices.length, 2);
    await model.close();
  });
});
