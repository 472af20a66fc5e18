/** The GPUs that Node can use, through the package `webgpu`, which contains Dawn, Chromium's implementation of WebGPU. */
import { UnsupportedError } from '../../errors.ts';
import { type AdapterFacts, factsOf, reasonOf, requestDevice, softwareError, WITHOUT_GPU } from './device.ts';
import { checkDriver, usesSoftware } from './driver.node.ts';
import { webgpuInstallation } from './installation.node.ts';
import { sharedDevices } from './shared-device.ts';

/** What we use of the package. */
interface WebGpuPackage {
  /** @param options Such as `adapter=NAME`: use the first adapter whose name contains this. */
  create(options: readonly string[]): GPU;
}

interface FoundAdapter {
  readonly adapter: GPUAdapter;
  readonly facts: AdapterFacts;
}

/** Dawn's backend on each platform. Adapters of other backends are the same hardware again. */
const BACKENDS: Readonly<Record<string, string>> = { linux: 'vulkan', darwin: 'metal', win32: 'd3d12' };
/** A name that no adapter has. The error for it lists all adapters; WebGPU itself has no list. */
const NO_ADAPTER = 'adapter=no adapter has this name';

/**
 * The objects of `create` by their option, kept until the process ends: once one is collected, a call of its devices crashes the process
 * (webgpu 0.6.2).
 */
const kept = new Map<string, GPU>();

/**
 * All adapters. Those that this program uses have a number: the hardware; with `CHAR_RNN_GPU=software`, the software.
 *
 * @throws {UnsupportedError} with the reason if there are none
 */
export async function listAdapters(): Promise<readonly AdapterFacts[]> {
  const adapters: AdapterFacts[] = [];
  for await (const { facts } of findAdapters()) adapters.push(facts);
  return adapters;
}

/**
 * Opens the device of an adapter.
 *
 * @param number The adapter's number in `listAdapters`.
 * @throws {UnsupportedError} with the reason, and what to do, if there is no such adapter
 */
export const openNodeDevice = sharedDevices(async (number) => {
  const { adapter, facts } = await adapterWith(number);
  return { device: await requestDevice(adapter, facts), adapter: facts };
});

async function adapterWith(number: number): Promise<FoundAdapter> {
  const others: AdapterFacts[] = [];
  // Adapters after the wanted one are not requested: with several GPUs, that takes seconds.
  for await (const found of findAdapters()) {
    if (found.facts.number === number) return found;
    others.push(found.facts);
  }
  const usable = others.filter((facts) => facts.number !== undefined);
  if (usable.length > 0) {
    const list = usable.map((facts) => `${facts.number}: ${facts.name}`).join('; ');
    throw new UnsupportedError(`there is no GPU ${number}. The GPUs here are ${list}.`, {
      remedies: [{ text: 'To use the first', set: { gpu: 0 } }],
    });
  }
  const [other] = others;
  if (other && !usesSoftware()) throw softwareError(other.name);
  const what = usesSoftware() ? 'software adapter' : 'GPU';
  throw new UnsupportedError(`WebGPU finds no ${what} here. Is the driver of your GPU installed?`, {
    remedies: WITHOUT_GPU,
  });
}

async function* findAdapters(): AsyncGenerator<FoundAdapter, void, void> {
  const { create } = await loadPackage();
  const open = async (option: string) => {
    const gpu = kept.get(option) ?? create([option]);
    kept.set(option, gpu);
    return await gpu.requestAdapter({ powerPreference: 'high-performance' });
  };
  const listed = await open(NO_ADAPTER).then(() => [], adaptersOf);
  const found: FoundAdapter[] = [];
  let count = 0;
  for (const { name, backend } of listed) {
    const same = found.find(({ facts }) => facts.name === name);
    const adapter = same?.adapter ?? (await open(`adapter=${name}`));
    if (!adapter) continue;
    const isUsed = adapter.info.isFallbackAdapter === usesSoftware();
    const number = isUsed ? count++ : undefined;
    const twin = found.find(({ facts }) => facts.name.includes(name))?.facts.number;
    const next = { adapter, facts: factsOf(adapter, { number, twin, name, backend }) };
    found.push(next);
    yield next;
  }
}

/** The adapters that the error for `NO_ADAPTER` lists. */
function adaptersOf(error: unknown) {
  const listed = parseListing(error instanceof Error ? error.message : '');
  if (listed.length > 0) return listed;
  throw new UnsupportedError(`the package webgpu gives no list of adapters: ${reasonOf(error)}.`, {
    remedies: WITHOUT_GPU,
    cause: error,
  });
}

/** The adapters in the message of Dawn's error, in lines such as ` * backend: 'vulkan', name: 'NVIDIA H100 PCIe'`. */
export function parseListing(
  message: string,
  platform: NodeJS.Platform = process.platform,
): { readonly name: string; readonly backend: string }[] {
  const lines = message.matchAll(/^ *\* backend: '([^']*)', name: '(.*)'$/gm);
  const all = Array.from(lines, ([, backend = '', name = '']) => ({ backend, name }));
  const own = all.filter(({ backend }) => backend === BACKENDS[platform]);
  return own.length > 0 ? own : all;
}

/** Loads the package when a GPU is first needed. Its name is not a literal, so that bundlers leave it out. */
async function loadPackage(): Promise<WebGpuPackage> {
  const { version, command } = webgpuInstallation();
  if (version === undefined) {
    throw new UnsupportedError(
      `the package webgpu, which computes on GPUs, is not installed. To install it (132 MB): ${command}`,
      { remedies: WITHOUT_GPU },
    );
  }
  checkDriver();
  const name: string = 'webgpu';
  try {
    return (await import(name)) as WebGpuPackage;
  } catch (error) {
    throw new UnsupportedError(`the package webgpu ${version} can't be loaded: ${reasonOf(error)}.`, {
      remedies: WITHOUT_GPU,
      cause: error,
    });
  }
}
