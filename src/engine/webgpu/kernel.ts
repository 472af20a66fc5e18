/** Kernels: compute shaders with their bindings. */

/** Whether a shader only reads a buffer, or may write it. */
export type Access = 'read' | 'write';

/**
 * A compute shader. Its buffers are the bindings of group 0, in order. A shader with parameters has a uniform block at binding 0 of group 1: 32-bit
 * numbers only, at most `MAX_NUMBERS`. Its entry point is `main`.
 */
export interface Kernel {
  /** Different shaders have different names. */
  readonly name: string;
  /** WGSL, without `shaders/functions.ts`. */
  readonly source: string;
  readonly access: readonly Access[];
}

/** Numbers of a uniform block, at most. */
export const MAX_NUMBERS = 32;

const kernels = new Map<string, Kernel>();

/** The kernel of a name. @param source Makes its WGSL, when the kernel is first needed. */
export function kernel(name: string, source: () => string): Kernel {
  const known = kernels.get(name);
  if (known) return known;
  const text = source();
  const made = { name, source: text, access: accessIn(text) };
  kernels.set(name, made);
  return made;
}

/** All kernels made so far. */
export function knownKernels(): Kernel[] {
  return [...kernels.values()];
}

function accessIn(source: string): Access[] {
  return Array.from(source.matchAll(/var<storage, (read|read_write)>/g), ([, mode]) =>
    mode === 'read' ? 'read' : 'write',
  );
}

const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);

/** A float as a number of a uniform block: its bits. */
export function floatBits(value: number): number {
  float[0] = value;
  return word[0] as number;
}
