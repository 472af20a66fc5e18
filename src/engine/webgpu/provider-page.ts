/** The GPU of a page: `navigator.gpu`. */
import { UnsupportedError } from '../../errors.ts';
import { type AdapterFacts, factsOf, requestDevice, softwareError, WITHOUT_GPU } from './device.ts';
import { sharedDevices } from './shared-device.ts';

/** The best adapter of a page, and its facts. */
async function bestAdapter(): Promise<{ readonly adapter: GPUAdapter; readonly facts: AdapterFacts }> {
  // The types promise it, but not every browser has it.
  const gpu = (globalThis.navigator as Partial<Navigator> | undefined)?.gpu;
  if (!gpu) {
    const why =
      globalThis.isSecureContext === false
        ? 'it was loaded over http, and WebGPU needs https or localhost'
        : 'the browser does not offer it';
    throw new UnsupportedError(`this page has no WebGPU: ${why}.`, { remedies: WITHOUT_GPU });
  }
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) {
    throw new UnsupportedError(
      'the browser gives this page no GPU: there is none, or the browser does not use its driver.',
      { remedies: WITHOUT_GPU },
    );
  }
  const { vendor, architecture, description } = adapter.info;
  const name = description || [vendor, architecture].filter(Boolean).join(' ') || 'of unknown make';
  return { adapter, facts: factsOf(adapter, { number: undefined, name, backend: 'browser' }) };
}

/**
 * Facts about the GPU of a page.
 *
 * @throws {UnsupportedError} without a GPU that WebGPU can use
 */
export async function pageGpu(): Promise<AdapterFacts> {
  const { facts } = await bestAdapter();
  if (facts.isSoftware) throw softwareError(facts.name);
  return facts;
}

async function openDevice(number: number, allowsSoftware: boolean) {
  if (number > 0) {
    throw new UnsupportedError(
      `there is no GPU ${number} in a page: the browser chooses the GPU, which has the number 0.`,
      { remedies: [{ text: 'The GPU that the browser chooses', set: { gpu: 0 } }] },
    );
  }
  const { adapter, facts } = await bestAdapter();
  if (facts.isSoftware && !allowsSoftware) throw softwareError(facts.name);
  return { device: await requestDevice(adapter, facts), adapter: facts };
}

/**
 * The device of a page.
 *
 * @param number Must be 0: a page can't choose among GPUs.
 * @throws {UnsupportedError} without a GPU that WebGPU can use
 */
export const openPageDevice = sharedDevices((number) => openDevice(number, false));

/** The same, but it may be a program that computes on the CPU: for tests. */
export const openPageSoftware = sharedDevices((number) => openDevice(number, true));
