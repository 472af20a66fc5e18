/** The engines of a page. Node has them, too. */
import { type EngineKind, engineMaker, type MakeEngine } from './choose.ts';
import { CpuEngine } from './cpu/cpu-engine.ts';
import type { StartedBackend } from './cpu/wasm.ts';
import { pageWasmBackend } from './cpu/wasm-page.ts';
import type { AdapterFacts, GpuDevice } from './webgpu/device.ts';

export type { ChosenEngine, EngineChoice, EngineKind, MakeEngine } from './choose.ts';
export type { EngineName } from './names.ts';

/** The kernels, compiled to WebAssembly. @param make Starts them with a number of threads. */
export const wasmKind = (make: (threads: number | undefined) => Promise<StartedBackend>): EngineKind => ({
  name: 'wasm',
  instead: 'using WebAssembly, which takes two to four times as long',
  precisions: ['float32'],
  hasInt8: true,
  async open({ threads }) {
    const { backend, notice } = await make(threads);
    return { engine: new CpuEngine(backend), notice };
  },
});

/** A GPU. @param openDevice Opens the device of a GPU, by its number. */
export const webgpuKind = (openDevice: (gpu: number) => Promise<GpuDevice>): EngineKind => ({
  name: 'webgpu',
  instead: 'The GPU computes',
  precisions: ['float32'],
  roundsTo: ['float16'],
  isGpu: true,
  async open({ gpu = 0 }) {
    const device = await openDevice(gpu);
    try {
      // Loaded only when it is needed: its kernels are many.
      const { WebGpuEngine } = await import('./webgpu/webgpu-engine.ts');
      return { engine: new WebGpuEngine(device), notice: twinNotice(device.adapter) };
    } catch (error) {
      device.release();
      throw error;
    }
  },
});

function twinNotice({ number, twin }: AdapterFacts): string | undefined {
  if (twin === undefined) return undefined;
  return `GPUs ${twin} and ${number} have the same name, and WebGPU can't tell them apart: either may be used.`;
}

/** Plain TypeScript, which works everywhere. Loaded only when it is needed. */
export const REFERENCE_KIND: EngineKind = {
  name: 'reference',
  instead: 'The reference engine computes, which is many times slower',
  precisions: ['float32', 'float64'],
  hasInt8: true,
  async open({ precision }) {
    const { ReferenceEngine } = await import('./reference/reference-engine.ts');
    return { engine: new ReferenceEngine(precision), notice: undefined };
  },
};

/** The GPU, which is used only if it is requested, then the engines of the CPU, the fastest first. */
export const PAGE_ENGINES: readonly EngineKind[] = [
  webgpuKind(async (gpu) => (await import('./webgpu/provider-page.ts')).openPageDevice(gpu)),
  wasmKind(pageWasmBackend),
  REFERENCE_KIND,
];

/** Chooses an engine in a page. */
export const makePortableEngine: MakeEngine = engineMaker(PAGE_ENGINES, 'in a page');
