/** `char-rnn doctor`: shows what this machine can do, how fast each engine is, and how to get a faster one. */
import { cpus, totalmem } from 'node:os';
import { fastBfloat16, nativeVariants } from '../../engine/cpu/native.node.ts';
import { NODE_ENGINES } from '../../engine/select.node.ts';
import type { AdapterFacts } from '../../engine/webgpu/device.ts';
import { webgpuInstallation } from '../../engine/webgpu/installation.node.ts';
import { UsageError } from '../../errors.ts';
import { fixed } from '../../util/c-format.ts';
import { formatBytes, formatCount } from '../../util/format.ts';
import { availableProcessors } from '../../util/machine.node.ts';
import type { CommandInput } from '../command.ts';
import { nativeRemedy } from '../report/native-offer.ts';
import { remedyLines } from '../report/report-error.ts';
import { outputWidth, watchOutput } from '../terminal/output.ts';
import { wrapHanging } from '../terminal/text-width.ts';
import { examineGpu } from './examine-gpu.ts';
import { type MeasuredEngine, measureEngine } from './measure-engine.ts';

interface Report {
  readonly node: string;
  readonly platform: string;
  readonly processor: string;
  readonly processors: number;
  readonly memory: number;
  readonly instructionSets: readonly string[];
  /** The values of `--compute` in bfloat16 that are faster than float32 here. */
  readonly fastBfloat16: readonly string[];
  /** The version of the package `webgpu`; absent without it. */
  readonly webgpu?: string | undefined;
  readonly adapters: readonly AdapterFacts[];
  readonly engines: readonly MeasuredEngine[];
  readonly advice: string | undefined;
}

/** Columns in front of a fact about the machine. */
const FACT_WIDTH = 17;
/** Columns in front of an engine's figures. */
const NAME_WIDTH = 13;

export interface DoctorFlags {
  readonly json: boolean;
  readonly seconds: number;
}

export async function runDoctor(
  { positionals }: CommandInput,
  { json, seconds }: DoctorFlags,
): Promise<number> {
  if (positionals.length > 0) throw new UsageError(`doctor takes no arguments, got ${positionals.join(' ')}`);
  watchOutput((code) => process.exit(code));
  const say = (line: string) => json || process.stdout.write(`${line}\n`);
  const facts = machine();
  for (const line of factLines(facts)) say(line);
  if (process.stderr.isTTY) process.stderr.write(`measuring each engine for ${seconds} s …\n`);
  const gpu = await examineGpu(seconds);
  for (const line of gpu.adapters.map(adapterLine))
    for (const part of wrapHanging(line, FACT_WIDTH, outputWidth())) say(part);
  for (const line of HEADING) say(line);
  const engines: MeasuredEngine[] = [];
  for (const { name, isGpu } of NODE_ENGINES) {
    for (const measured of isGpu ? gpu.engines : [await measureEngine(name, seconds)]) {
      engines.push(measured);
      for (const line of wrapHanging(engineLine(measured), NAME_WIDTH, outputWidth())) say(line);
    }
  }
  const remedy = nativeRemedy();
  const advice = remedy && remedyLines([remedy]).join('\n');
  if (advice) say(`\n${advice}`);
  if (json)
    process.stdout.write(
      `${JSON.stringify({ ...facts, adapters: gpu.adapters, engines, advice } satisfies Report, undefined, 2)}\n`,
    );
  return 0;
}

function machine(): Omit<Report, 'adapters' | 'engines' | 'advice'> {
  return {
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    processor: cpus()[0]?.model.trim() || 'unknown',
    processors: availableProcessors(),
    memory: totalmem(),
    instructionSets: nativeVariants(),
    fastBfloat16: fastBfloat16(),
    webgpu: webgpuInstallation().version,
  };
}

function factLines(facts: ReturnType<typeof machine>): string[] {
  const { node, platform, processor, processors, memory, instructionSets, fastBfloat16, webgpu } = facts;
  const [compute] = fastBfloat16;
  return [
    `Node             ${node}, ${platform}`,
    `processor        ${processor}; ${processors} usable`,
    `memory           ${formatBytes(memory)}`,
    `native kernels   ${instructionSets.join(', ') || 'none'}`,
    `bfloat16         ${compute ? `train --compute ${compute} is faster than float32 here` : 'not faster than float32 here'}`,
    `package webgpu   ${webgpu ?? 'not installed'}`,
  ];
}

const HEADING = [
  '',
  'An iteration of the default model: LSTM, 2 layers of 128 units, 65 symbols,',
  'in batches of 50 rows × 50 symbols:',
];

function adapterLine({ number, twin, name, backend, isSoftware, limits }: AdapterFacts): string {
  const facts = [
    `${backend}, ${isSoftware ? 'software' : 'hardware'}`,
    `${formatBytes(limits.maxStorageBufferBindingSize)} for one array`,
    `${formatBytes(limits.maxComputeWorkgroupStorageSize)} and ${limits.maxComputeInvocationsPerWorkgroup} threads in a workgroup`,
    ...(twin === undefined ? [] : [`WebGPU can't tell it apart from GPU ${twin}, which has the same name`]),
    ...(number === undefined ? ['not used: it computes on the CPU'] : []),
  ];
  return `GPU ${String(number ?? '–').padEnd(13)}${name}: ${facts.join('; ')}`;
}

function engineLine(measured: MeasuredEngine): string {
  const { engine, gpu, description, milliseconds, charactersPerSecond, problem } = measured;
  const name = (gpu === undefined ? engine : `${engine} ${gpu}`).padEnd(10);
  if (milliseconds === undefined || charactersPerSecond === undefined)
    return `  ${name} ${description === undefined ? 'does not work here' : 'was not measured'}: ${problem}`;
  return `  ${name} ${fixed(milliseconds, 1).padStart(7)} ms   ${formatCount(Math.round(charactersPerSecond)).padStart(9)} characters/s   ${description}`;
}
