/** Examines and measures the GPUs in a child process, so that a driver that crashes or prints messages does not disturb this one. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type AdapterFacts, reasonOf } from '../../engine/webgpu/device.ts';
import { webgpuInstallation } from '../../engine/webgpu/installation.node.ts';
import type { GpuChildLine } from './gpu-child.ts';
import { type MeasuredEngine, toMeasure } from './measure-engine.ts';

export interface GpuReport {
  /** All adapters that WebGPU finds; none without the package and a driver. */
  readonly adapters: readonly AdapterFacts[];
  /** A measurement of each GPU, or the reason why there is none; at least one. */
  readonly engines: readonly MeasuredEngine[];
}

/** Milliseconds that the child may take longer than a measurement: to load the driver and to compile the kernels. */
const START_TIME = 30_000;

const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const CHILD = fileURLToPath(new URL(`./gpu-child.${EXTENSION}`, import.meta.url));

/** @param seconds How long to measure each GPU. */
export async function examineGpu(seconds: number): Promise<GpuReport> {
  const { version, command } = webgpuInstallation();
  if (version === undefined) {
    const problem = `the package webgpu is not installed. To compute on a GPU: ${command}`;
    return { adapters: [], engines: [{ engine: 'webgpu', problem }] };
  }
  const result = await runGpuChild(CHILD, seconds).catch((error: unknown) => ({
    lines: [],
    // Node's permission model may forbid starting a process.
    problem: `it could not be examined: ${reasonOf(error)}.`,
  }));
  return reportOf(result);
}

/** What a child has found. If it ended too early, the first GPU that it has not measured has the reason. */
export function reportOf({ lines, problem }: ChildResult): GpuReport {
  const adapters = lines.flatMap((line) => ('adapters' in line ? line.adapters : []));
  const engines = lines.flatMap((line) => ('engine' in line ? [line.engine] : []));
  const measured = toMeasure(adapters);
  if (engines.length >= Math.max(1, measured.length)) return { adapters, engines };
  const number = measured.length > 1 ? measured[engines.length]?.number : undefined;
  const failed: MeasuredEngine = { engine: 'webgpu', ...(number !== undefined && { gpu: number }), problem };
  return { adapters, engines: [...engines, failed] };
}

interface ChildResult {
  readonly lines: readonly GpuChildLine[];
  /** Why there are no more lines. */
  readonly problem: string;
}

/**
 * Runs a child until it ends, or until a measurement takes too long.
 *
 * @param program The path of the program, which gets the seconds.
 */
export function runGpuChild(program: string, seconds: number, startTime = START_TIME): Promise<ChildResult> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const end = (problem: string) => {
      clearTimeout(timer);
      resolve({ lines: parseLines(Buffer.concat(chunks).toString()), problem });
    };
    const args = [...process.execArgv, program, String(seconds)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    const timer = setTimeout(
      () => {
        end('it did not answer in time.');
        child.kill('SIGKILL');
      },
      seconds * 1000 + startTime,
    );
    let known = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      const { length } = parseLines(Buffer.concat(chunks).toString());
      if (length > known) timer.refresh();
      known = length;
    });
    child.on('error', (error) => end(`it could not be examined: ${error.message}.`));
    child.on('close', (code, signal) =>
      end(`the driver or the package webgpu ended the process (${signal ?? `code ${code}`}).`),
    );
  });
}

function parseLines(text: string): GpuChildLine[] {
  return text.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as GpuChildLine];
    } catch {
      // A driver may print to standard output, too.
      return [];
    }
  });
}
