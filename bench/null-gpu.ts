/** Dawn's null backend: it takes all calls, checks them and computes nothing. So it shows what an engine records, and how long that takes. */
import { BUFFER_USAGE, SHADER_STAGE_COMPUTE } from '../src/engine/webgpu/constants.ts';
import { factsOf, type GpuDevice, requestDevice } from '../src/engine/webgpu/device.ts';

export async function nullDevice(): Promise<GpuDevice> {
  const name: string = 'webgpu';
  const { create } = (await import(name)) as { create(options: readonly string[]): GPU };
  const instance = create(['backend=null']);
  const adapter = await instance.requestAdapter();
  if (!adapter) throw new Error("Dawn's null backend gave no adapter");
  const facts = {
    ...factsOf(adapter, { number: 0, twin: undefined, name: 'no GPU', backend: 'null' }),
    isSoftware: false,
  };
  // The instance must live as long as its device.
  return { device: await requestDevice(adapter, facts), adapter: facts, release: () => void instance };
}

/**
 * Microseconds that Dawn's own calls take for a dispatch with the buffers and the block of numbers of an lstm's time step: the least of many
 * rounds. No engine can record a dispatch in less.
 */
export function dispatchTime(device: GPUDevice): number {
  const rounds = 1000;
  const dispatches = 64;
  const stride = 256;
  const bytes = 128;
  const buffers = Array.from({ length: 6 }, () =>
    device.createBuffer({ size: 256, usage: BUFFER_USAGE.storage }),
  );
  const storage = device.createBindGroupLayout({
    entries: buffers.map((_, binding) => ({
      binding,
      visibility: SHADER_STAGE_COMPUTE,
      buffer: { type: 'storage' },
    })),
  });
  const uniform = device.createBindGroupLayout({
    entries: [
      {
        binding: 0,
        visibility: SHADER_STAGE_COMPUTE,
        buffer: { type: 'uniform', hasDynamicOffset: true, minBindingSize: bytes },
      },
    ],
  });
  const module = device.createShaderModule({ code: '@compute @workgroup_size(64) fn main() {}' });
  const pipeline = device.createComputePipeline({
    layout: device.createPipelineLayout({ bindGroupLayouts: [storage, uniform] }),
    compute: { module, entryPoint: 'main' },
  });
  const numbers = device.createBuffer({ size: dispatches * stride, usage: BUFFER_USAGE.uniform });
  const group = device.createBindGroup({
    layout: storage,
    entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  const numbersGroup = device.createBindGroup({
    layout: uniform,
    entries: [{ binding: 0, resource: { buffer: numbers, size: bytes } }],
  });
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    for (let i = 0; i < dispatches; i++) {
      pass.setBindGroup(1, numbersGroup, [i * stride]);
      pass.dispatchWorkgroups(1, 2, 1);
    }
    pass.end();
    device.queue.submit([encoder.finish()]);
    least = Math.min(least, performance.now() - start);
  }
  for (const buffer of [numbers, ...buffers]) buffer.destroy();
  return (1000 * least) / dispatches;
}
