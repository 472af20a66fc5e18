/** WebGPU engines on the software adapter. They share one device, so each kernel is compiled only once. */
import { openNodeDevice } from '../../../src/engine/webgpu/provider.node.ts';
import type { TuningOptions } from '../../../src/engine/webgpu/tuning.ts';
import { WebGpuEngine } from '../../../src/engine/webgpu/webgpu-engine.ts';

/** For tests that are not skipped: see `skipWithoutSoftwareGpu`. */
export async function softwareEngine(tuning: TuningOptions = {}): Promise<WebGpuEngine> {
  process.env.CHAR_RNN_GPU = 'software';
  return new WebGpuEngine(await openNodeDevice(0), tuning);
}

/** Keeps the device until the tests of a file end: without a user it would be destroyed, and every kernel compiled again. */
export async function holdDevice(): Promise<() => void> {
  process.env.CHAR_RNN_GPU = 'software';
  const device = await openNodeDevice(0);
  return () => device.release();
}
