/** If the device of a run is lost, the run goes on from a copy of its state on a new device, with the same bits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { skipWithoutSoftwareGpu } from '../engine/webgpu/software.ts';
import { loseDevices } from './lost-devices.ts';

test('runs whose device is lost at a random call write the same files', {
  skip: skipWithoutSoftwareGpu,
}, async () => {
  process.env.CHAR_RNN_GPU = 'software';
  try {
    const { runs, destroyed, outOfMemory } = await loseDevices({ runs: 2 });
    assert.deepEqual([runs, destroyed, outOfMemory], [2, 1, 1]);
  } finally {
    delete process.env.CHAR_RNN_GPU;
    delete process.env.VK_ICD_FILENAMES;
  }
});
