/** The engines of a page. Node has them, too. */
import { type EngineKind, engineMaker, type MakeEngine } from './choose.ts';
import { CpuEngine } from './cpu/cpu-engine.ts';
import type { StartedBackend } from './cpu/wasm.ts';
import { pageWasmBackend } from './cpu/wasm-page.ts';
import { ReferenceEngine } from './reference/reference-engine.ts';

export type { ChosenEngine, EngineChoice, EngineKind, MakeEngine } from './choose.ts';
export type { EngineName } from './names.ts';

/** The kernels, compiled to WebAssembly. @param make Starts them with a number of threads. */
export const wasmKind = (make: (threads: number | undefined) => Promise<StartedBackend>): EngineKind => ({
  name: 'wasm',
  instead: 'using WebAssembly, which takes two to four times as long',
  precisions: ['float32'],
  async open({ threads }) {
    const { backend, notice } = await make(threads);
    return { engine: new CpuEngine(backend), notice };
  },
});

/** Plain TypeScript, which works everywhere. */
export const REFERENCE_KIND: EngineKind = {
  name: 'reference',
  instead: 'The reference engine computes, which is many times slower',
  precisions: ['float32', 'float64'],
  open: async ({ precision }) => ({ engine: new ReferenceEngine(precision), notice: undefined }),
};

/** The fastest first. */
export const PAGE_ENGINES: readonly EngineKind[] = [wasmKind(pageWasmBackend), REFERENCE_KIND];

/** Chooses an engine in a page. */
export const makePortableEngine: MakeEngine = engineMaker(PAGE_ENGINES, 'in a page');
