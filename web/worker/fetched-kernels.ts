/** The source of the kernels in the worker: it fetches the one build that it needs. */
import type { KernelBuild } from '../../src/engine/cpu/wasm-kernels.ts';

export async function fetchedKernel(build: KernelBuild): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(new URL(`kernels/${build}.wasm`, import.meta.url));
  if (!response.ok)
    throw new Error(`kernels/${build}.wasm could not be loaded: the server answered ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
