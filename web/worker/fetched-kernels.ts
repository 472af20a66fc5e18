/** Replaces src/engine/cpu/wasm-kernels.ts in the worker: the page fetches the one build of the kernels that it needs. */
import type { KernelBuild } from '../../src/engine/cpu/wasm-kernels.ts';

export async function kernelBytes(build: KernelBuild): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(new URL(`kernels/${build}.wasm`, import.meta.url));
  if (!response.ok)
    throw new Error(`kernels/${build}.wasm could not be loaded: the server answered ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
