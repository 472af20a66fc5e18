/** The GPU that the worker could train on. */
import { pageGpu } from '../../src/engine/webgpu/provider-page.ts';
import { UnsupportedError } from '../../src/errors.ts';
import type { GpuFacts } from './api.ts';

export async function gpuFacts(): Promise<GpuFacts> {
  try {
    return { name: (await pageGpu()).name };
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error;
    return { problem: error.problem };
  }
}
