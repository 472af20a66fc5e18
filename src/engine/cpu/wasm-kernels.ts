/** The bytes of the kernels: those that come with the package, or those of another source, which the web pages of this package set. */

/** `fused`: with fused multiply-add, which is relaxed SIMD; `strict`: without. `shared`: with threads. */
export const KERNEL_BUILDS = ['fused', 'fused-shared', 'strict', 'strict-shared'] as const;

export type KernelBuild = (typeof KERNEL_BUILDS)[number];

/** Loads a build of the kernels: a WebAssembly module. */
export type KernelSource = (build: KernelBuild) => Promise<Uint8Array<ArrayBuffer>>;

/** Loads the module with all builds, which is large, only when a kernel is needed. */
const fromPackage: KernelSource = async (build) => {
  const { FUSED, FUSED_SHARED, STRICT, STRICT_SHARED } = await import('./wasm-binaries.ts');
  const builds: Readonly<Record<KernelBuild, string>> = {
    fused: FUSED,
    'fused-shared': FUSED_SHARED,
    strict: STRICT,
    'strict-shared': STRICT_SHARED,
  };
  return Uint8Array.from(atob(builds[build]), (char) => char.charCodeAt(0));
};

let source = fromPackage;

/** Makes every engine that is started later take its kernels from another source. */
export function setKernelSource(other: KernelSource): void {
  source = other;
}

/** @returns a WebAssembly module */
export function kernelBytes(build: KernelBuild): Promise<Uint8Array<ArrayBuffer>> {
  return source(build);
}
