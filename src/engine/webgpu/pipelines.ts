/** Compiled kernels of a device. Engines of one process share a device, and so compile each kernel only once. */
import { SHADER_STAGE_COMPUTE } from './constants.ts';
import { type Access, type Kernel, MAX_NUMBERS } from './kernel.ts';
import { FUNCTIONS } from './shaders/functions.ts';

export interface CompiledKernel {
  readonly pipeline: GPUComputePipeline;
  readonly buffers: GPUBindGroupLayout;
}

const compiledOf = new WeakMap<GPUDevice, Pipelines>();

/** The kernels of a device. */
export function pipelinesOf(device: GPUDevice): Pipelines {
  const known = compiledOf.get(device);
  if (known) return known;
  const made = new Pipelines(device);
  compiledOf.set(device, made);
  return made;
}

export class Pipelines {
  readonly #device: GPUDevice;
  readonly #compiled = new Map<string, CompiledKernel>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  /** Of the uniform block: one buffer for all, at an offset that each dispatch gives. */
  readonly numbers: GPUBindGroupLayout;

  constructor(device: GPUDevice) {
    this.#device = device;
    this.numbers = device.createBindGroupLayout({
      entries: [
        {
          binding: 0,
          visibility: SHADER_STAGE_COMPUTE,
          buffer: { type: 'uniform', hasDynamicOffset: true, minBindingSize: MAX_NUMBERS * 4 },
        },
      ],
    });
  }

  get(kernel: Kernel): CompiledKernel {
    const known = this.#compiled.get(kernel.name);
    if (known) return known;
    const buffers = this.#layoutOf(kernel.access);
    const module = this.#device.createShaderModule({ label: kernel.name, code: FUNCTIONS + kernel.source });
    const pipeline = this.#device.createComputePipeline({
      label: kernel.name,
      layout: this.#device.createPipelineLayout({ bindGroupLayouts: [buffers, this.numbers] }),
      compute: { module, entryPoint: 'main' },
    });
    const made = { pipeline, buffers };
    this.#compiled.set(kernel.name, made);
    return made;
  }

  #layoutOf(access: readonly Access[]): GPUBindGroupLayout {
    const key = access.join();
    const known = this.#layouts.get(key);
    if (known) return known;
    const made = this.#device.createBindGroupLayout({
      entries: access.map((mode, binding) => ({
        binding,
        visibility: SHADER_STAGE_COMPUTE,
        buffer: { type: mode === 'read' ? 'read-only-storage' : 'storage' },
      })),
    });
    this.#layouts.set(key, made);
    return made;
  }
}
