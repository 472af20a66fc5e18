/** The source of the kernels in the worker: it fetches the one build that it needs. */
import { usableBuilds } from '../../src/engine/cpu/wasm.ts';
import type { KernelBuild } from '../../src/engine/cpu/wasm-kernels.ts';

/** Set by scripts/bundle-program.mjs. */
declare const KERNELS_HASH: string;

const fetched = new Map<KernelBuild, Promise<Uint8Array<ArrayBuffer>>>();
/** Kernels that were compiled before they are needed. While a module lives, the browser reuses its code for the same bytes. */
const prepared = new Map<KernelBuild, WebAssembly.Module>();

export function fetchedKernel(build: KernelBuild): Promise<Uint8Array<ArrayBuffer>> {
  const known = fetched.get(build);
  if (known) return known;
  const bytes = fetchKernel(build);
  fetched.set(build, bytes);
  // The next engine tries again.
  bytes.catch(() => fetched.delete(build));
  return bytes;
}

/** Fetches and compiles the kernels of this page, so that an engine starts sooner. Problems are those of the engine that needs them. */
export async function prepareKernels(): Promise<void> {
  const { shared, single } = usableBuilds();
  const build = globalThis.crossOriginIsolated ? shared : single;
  if (prepared.has(build)) return;
  try {
    prepared.set(build, await WebAssembly.compile(await fetchedKernel(build)));
  } catch {
    // The engine reports it.
  }
}

async function fetchKernel(build: KernelBuild): Promise<Uint8Array<ArrayBuffer>> {
  // A page that stays open while its host gets another version must not get the kernel of that version.
  const path = `kernels/${build}-${KERNELS_HASH}.wasm`;
  const response = await fetch(new URL(path, import.meta.url));
  if (response.status === 404)
    throw new Error(
      `${path} is no longer on the server, which may have a newer version: load the page again`,
    );
  if (!response.ok) throw new Error(`${path} could not be loaded: the server answered ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
