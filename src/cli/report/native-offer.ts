/** Suggests building the native engine when WebAssembly would take long and it can be built here. */
import { spawnSync } from 'node:child_process';
import { nativeProblem } from '../../engine/cpu/native.node.ts';
import { AddonError, type Remedy, type UnsupportedError } from '../../errors.ts';
import { remedyLines } from './report-error.ts';

/** Building takes a while, so it is suggested only for work of at least this many milliseconds. */
const MIN_TIME = 60_000;

const GAIN = 'The native engine takes a quarter to half as long as WebAssembly';

/** How to install a C++ compiler, on the systems where the native engine can be built. */
export function compilerHint(platform: NodeJS.Platform = process.platform): string {
  if (platform === 'darwin') return 'on macOS: xcode-select --install';
  return 'Debian and Ubuntu: apt install g++; Fedora: dnf install gcc-c++; Alpine: apk add g++; Arch: pacman -S gcc';
}

export function hasCompiler(env: NodeJS.ProcessEnv = process.env): boolean {
  const names = env.CXX ? [env.CXX] : ['g++', 'clang++', 'c++'];
  try {
    return names.some((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0);
  } catch {
    // Node's permission model may forbid starting it; then it counts as missing.
    return false;
  }
}

/** How to get the native engine on this machine; undefined if it is there already or can't be built here. */
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
  /** The value of `--engine`. */
  readonly engine: string | undefined;
  /** The description of the engine in use. */
  readonly description: string;
  /** The time that the work will take. */
  readonly milliseconds: number;
}

/**
 * Whether to suggest the native engine: WebAssembly was chosen automatically, and the work takes long or an existing add-on can't be
 * used. Not in continuous integration, where nobody reads the suggestion.
 */
export function isOfferUseful(
  { engine, description, milliseconds }: OfferInput,
  problem: UnsupportedError | undefined,
  env: NodeJS.ProcessEnv = process.env,
): boolean {
  if (env.CI || engine !== 'auto' || !description.includes(' wasm engine')) return false;
  const isBroken = problem instanceof AddonError && problem.code !== 'addon-missing';
  return isBroken || milliseconds >= MIN_TIME;
}

/** The lines of the suggestion; none if it would not help. */
export function nativeOffer(input: OfferInput): string[] {
  const problem = nativeProblem();
  const remedy = isOfferUseful(input, problem) ? nativeRemedy(problem) : undefined;
  return remedy ? remedyLines([remedy]) : [];
}

/**
 * Estimates how long WebAssembly takes to sample symbols one after the other.
 *
 * @returns milliseconds, assuming two operations per parameter and 4 GFLOP/s
 */
export function estimateSamplingTime(parameters: number, symbols: number): number {
  return (2 * parameters * symbols) / 4e6;
}
