/** Mentions a GPU that a long training run does not use. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { remedyLines } from './report-error.ts';

/** A GPU is mentioned only for work of at least this many milliseconds. */
const MIN_TIME = 60_000;
/** Makers of GPUs by their PCI vendor numbers. Other display adapters, such as those of virtual machines, do not compute. */
const MAKERS: Readonly<Record<string, string>> = { '0x10de': 'NVIDIA', '0x1002': 'AMD', '0x8086': 'Intel' };

/**
 * The maker of a GPU that seems to be present: what the system lists, without loading a driver. Undefined if there is none, and on
 * Windows, where this needs a driver.
 *
 * @param root The folder of the system's files, for tests.
 */
export function likelyGpu(root = '/', platform: NodeJS.Platform = process.platform): string | undefined {
  if (platform === 'darwin') return process.arch === 'arm64' ? 'Apple' : undefined;
  if (platform !== 'linux') return undefined;
  if (existsSync(join(root, 'dev/nvidia0'))) return 'NVIDIA';
  try {
    const folder = join(root, 'sys/class/drm');
    const devices = readdirSync(folder).filter((name) => name.startsWith('renderD'));
    const makers = devices.map(
      (name) => MAKERS[readFileSync(join(folder, name, 'device/vendor'), 'utf8').trim()],
    );
    return makers.find((maker) => maker !== undefined);
  } catch {
    return undefined;
  }
}

export interface GpuOfferInput {
  /** The value of `--engine`. */
  readonly engine: string | undefined;
  /** The value of `--gpuid`, if it was typed. */
  readonly gpu: number | undefined;
  /** The time that the work will take. */
  readonly milliseconds: number;
}

/** The lines about an unused GPU; none if one was chosen or refused, for short work, and in continuous integration. */
export function gpuOffer(
  { engine = 'auto', gpu, milliseconds }: GpuOfferInput,
  find: () => string | undefined = likelyGpu,
  env: NodeJS.ProcessEnv = process.env,
): string[] {
  if (env.CI || engine !== 'auto' || gpu !== undefined || milliseconds < MIN_TIME) return [];
  const maker = find();
  if (maker === undefined) return [];
  const text = `A GPU (${maker}) seems to be present. The CPU computes, unless you choose the GPU with --gpuid 0. To measure both`;
  return remedyLines([{ text, command: ['doctor'] }]);
}
