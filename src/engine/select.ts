/** The engines of a page; Node has them too. */
import { type EngineKind, engineMaker, type MakeEngine } from './choose.ts';
import { CpuEngine } from './cpu/cpu-engine.ts';
import type { MadeBackend } from './cpu/wasm.ts';
import { pageWasmBackend } from './cpu/wasm-page.ts';
import { ReferenceEngine } from './reference/reference-engine.ts';

export type { ChosenEngine, EngineChoice, EngineKind, MakeEngine } from './choose.ts';
export type { EngineName } from './names.ts';

/** Compiled kernels as WebAssembly. @param make Starts them with the threads that are asked for. */
export const wasmKind = (make: (threads: number | undefined) => Promise<MadeBackend>): EngineKind => ({
  name: 'wasm',
  instead: 'WebAssembly computes, which takes two to four times as long',
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

/** From the fastest on. */
export const PAGE_ENGINES: readonly EngineKind[] = [wasmKind(pageWasmBackend), REFERENCE_KIND];

/** The choice in a page. */
export const makePortableEngine: MakeEngine = engineMaker(PAGE_ENGINES, 'in a page');
