/** Suggests building the native engine when WebAssembly would take long and it can be built here. */
import { spawnSync } from 'node:child_process';
import { nativeProblem } from '../../engine/cpu/native.node.ts';
import { AddonError, type Remedy, type UnsupportedError } from '../../errors.ts';
import { remedyLines } from './report-error.ts';

/** Milliseconds of computing from which on building it, which takes some tens of seconds, is worth a line. */
const MIN_TIME = 60_000;

const GAIN = 'The native engine takes a quarter to half of the time of WebAssembly';

/** How to get a C++ compiler, in words, on the systems for which the native engine can be built. */
export function compilerHint(platform: NodeJS.Platform = process.platform): string {
  if (platform === 'darwin') return 'on macOS: xcode-select --install';
  return 'Debian and Ubuntu: apt install g++; Fedora: dnf install gcc-c++; Alpine: apk add g++; Arch: pacman -S gcc';
}

export function hasCompiler(env: NodeJS.ProcessEnv = process.env): boolean {
  const names = env.CXX ? [env.CXX] : ['g++', 'clang++', 'c++'];
  try {
    return names.some((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0);
  } catch {
    // Node's permissions: what cannot be started is as good as absent.
    return false;
  }
}

/** What would give this machine the native engine; undefined where it has it or cannot have it. */
export function nativeRemedy(problem = nativeProblem(), canCompile = hasCompiler): Remedy | undefined {
  if (!(problem instanceof AddonError) || problem.code === 'addon-forbidden') return undefined;
  if (!['linux', 'darwin'].includes(process.platform) || !['x64', 'arm64'].includes(process.arch))
    return undefined;
  if (canCompile()) return { text: `${GAIN}. To build it`, command: ['build-native'] };
  return {
    text: `${GAIN}. To build it, install a C++ compiler (${compilerHint()}), then`,
    command: ['build-native'],
  };
}

export interface OfferInput {
  /** As asked for. */
  readonly engine: string | undefined;
  /** What computes, in words. */
  readonly description: string;
  /** Time that the work will take. */
  readonly milliseconds: number;
}

/**
 * Whether the offer is worth a line: the engine was not chosen, the work takes long or there is an add-on that cannot be used, and this
 * is not a build service, where nobody reads it.
 */
export function wantsOffer(
  { engine, description, milliseconds }: OfferInput,
  problem: UnsupportedError | undefined,
  env: NodeJS.ProcessEnv = process.env,
): boolean {
  if (env.CI || engine !== 'auto' || !description.includes(' wasm engine')) return false;
  const isBroken = problem instanceof AddonError && problem.code !== 'addon-missing';
  return isBroken || milliseconds >= MIN_TIME;
}

/** The lines of the offer; none where it would not help. */
export function nativeOffer(input: OfferInput): string[] {
  const problem = nativeProblem();
  const remedy = wantsOffer(input, problem) ? nativeRemedy(problem) : undefined;
  return remedy ? remedyLines([remedy]) : [];
}

/**
 * About how long WebAssembly takes to write symbols one after the other.
 *
 * @returns milliseconds, from two operations a parameter and 4 GFLOP/s
 */
export function samplingTime(parameters: number, symbols: number): number {
  return (2 * parameters * symbols) / 4e6;
}
