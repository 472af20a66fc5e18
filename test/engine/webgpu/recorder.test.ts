/** The recorder's buffers for reads. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BUFFER_USAGE } from '../../../src/engine/webgpu/constants.ts';
import { openNodeDevice } from '../../../src/engine/webgpu/provider.node.ts';
import { Recorder } from '../../../src/engine/webgpu/recorder.ts';
import { skipWithoutSoftwareGpu as skip } from './software.ts';

test('a large read takes no more memory than its bytes, and gives it back; small reads share a buffer', {
  skip,
}, async (context) => {
  process.env.CHAR_RNN_GPU = 'software';
  const gpu = await openNodeDevice(0);
  const sizes: number[] = [];
  const destroyed: number[] = [];
  const { createBuffer } = gpu.device;
  context.mock.method(gpu.device, 'createBuffer', (descriptor: GPUBufferDescriptor) => {
    const buffer = createBuffer.call(gpu.device, descriptor);
    if ((descriptor.usage & BUFFER_USAGE.mapRead) === 0) return buffer;
    sizes.push(descriptor.size);
    const { destroy } = buffer;
    buffer.destroy = () => {
      destroyed.push(descriptor.size);
      return destroy.call(buffer);
    };
    return buffer;
  });
  const recorder = new Recorder(gpu);
  const values = Float32Array.from({ length: 2 ** 18 + 3 }, (_, i) => i);
  const buffer = recorder.allocate(values.byteLength);
  recorder.write(buffer, 0, values);
  for (let round = 0; round < 2; round++) {
    assert.deepEqual(new Float32Array(await recorder.read(buffer, 0, values.byteLength)), values);
    assert.deepEqual(new Float32Array(await recorder.read(buffer, 8, 12)), values.slice(2, 5));
    assert.deepEqual(new Float32Array(await recorder.read(buffer, 0, 200)), values.slice(0, 50));
  }
  assert.deepEqual(sizes, [values.byteLength, 256, values.byteLength]);
  assert.deepEqual(destroyed, [values.byteLength, values.byteLength]);
  recorder.close();
  assert.deepEqual(destroyed, [values.byteLength, values.byteLength, 256]);
});
