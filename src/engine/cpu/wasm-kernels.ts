/**
 * The bytes of the kernels. The web pages of this package replace this module with one that fetches the build that they need
 * (web/worker/fetched-kernels.ts).
 */
import { FUSED, FUSED_SHARED, STRICT, STRICT_SHARED } from './wasm-binaries.ts';

/** `fused`: with fused multiply-add, which is relaxed SIMD; `strict`: without. `shared`: with threads. */
export type KernelBuild = 'fused' | 'fused-shared' | 'strict' | 'strict-shared';

const BUILDS: Readonly<Record<KernelBuild, string>> = {
  fused: FUSED,
  'fused-shared': FUSED_SHARED,
  strict: STRICT,
  'strict-shared': STRICT_SHARED,
};

export const KERNEL_BUILDS = Object.keys(BUILDS) as readonly KernelBuild[];

/** @returns a WebAssembly module */
export async function kernelBytes(build: KernelBuild): Promise<Uint8Array<ArrayBuffer>> {
  return Uint8Array.from(atob(BUILDS[build]), (char) => char.charCodeAt(0));
}
