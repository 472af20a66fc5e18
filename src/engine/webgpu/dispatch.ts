/** Dispatches of shaders that compute each element independently. */
import { kernel } from './kernel.ts';
import { groupsOf } from './products.ts';
import type { Recorder } from './recorder.ts';
import { ELEMENT_THREADS } from './shaders/threads.ts';

/**
 * Runs a shader with a thread for each element.
 *
 * @param numbers Of the uniform block, after the size.
 */
export function forEach(
  recorder: Recorder,
  name: string,
  source: () => string,
  buffers: readonly GPUBuffer[],
  size: number,
  numbers: readonly number[] = [],
): void {
  if (size === 0) return;
  recorder.run(kernel(name, source), buffers, [size, ...numbers], groupsOf(size, ELEMENT_THREADS));
}
