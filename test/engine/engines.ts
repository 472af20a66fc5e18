/** Every fast engine that this machine supports, for tests that run on all of them. */
import { CpuEngine } from '../../src/engine/cpu/cpu-engine.ts';
import { nativeBackend, nativeVariants } from '../../src/engine/cpu/native.node.ts';
import { nodeWasmBackend } from '../../src/engine/cpu/wasm.node.ts';
import { wasmBackend } from '../../src/engine/cpu/wasm.ts';
import type { Engine } from '../../src/engine/engine.ts';

export interface EngineKind {
  readonly name: string;
  make(): Promise<Engine>;
}

/** The native engine with each instruction set, then WebAssembly with threads and without shared memory. */
export const fastEngines: readonly EngineKind[] = [
  ...nativeVariants().map((variant) => ({
    name: `native, ${variant}`,
    make: async () => new CpuEngine(nativeBackend({ variant, threads: 2 })),
  })),
  {
    name: 'WebAssembly, threads',
    make: async () => new CpuEngine((await nodeWasmBackend(2)).backend),
  },
  {
    name: 'WebAssembly, one thread without shared memory',
    make: async () => new CpuEngine((await wasmBackend({ threads: 1 })).backend),
  },
];
