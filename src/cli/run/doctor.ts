/** `char-rnn doctor`: shows what this machine can do, how fast each engine is, and how to get a faster one. */
import { cpus, totalmem } from 'node:os';
import { nativeVariants } from '../../engine/cpu/native.node.ts';
import type { Engine } from '../../engine/engine.ts';
import type { EngineKindName } from '../../engine/names.ts';
import { makeEngine, NODE_ENGINES } from '../../engine/select.node.ts';
import { CharRnnError, UsageError } from '../../errors.ts';
import { checkTrainingOptions } from '../../train/options.ts';
import { measureSpeed } from '../../train/preset/measure-speed.ts';
import { fixed } from '../../util/c-format.ts';
import { formatBytes, formatCount } from '../../util/format.ts';
import { availableProcessors } from '../../util/machine.node.ts';
import type { CommandInput } from '../command.ts';
import { nativeRemedy } from '../report/native-offer.ts';
import { remedyLines } from '../report/report-error.ts';
import { outputWidth, watchOutput } from '../terminal/output.ts';
import { wrapHanging } from '../terminal/text-width.ts';

/** The speed of an engine, or the reason why it can't run. */
interface Measured {
  readonly engine: EngineKindName;
  readonly description?: string;
  /** Median time of an iteration of the default model. */
  readonly milliseconds?: number;
  readonly charactersPerSecond?: number;
  readonly problem?: string;
}

interface Report {
  readonly node: string;
  readonly platform: string;
  readonly processor: string;
  readonly processors: number;
  readonly memory: number;
  readonly instructionSets: readonly string[];
  readonly gpu: string;
  readonly engines: readonly Measured[];
  readonly advice: string | undefined;
}

/** Columns in front of an engine's figures. */
const NAME_WIDTH = 13;
/** Symbols of the measured model, which is the default one. */
const VOCABULARY = 65;

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
  const engines: Measured[] = [];
  for (const { name: engine } of NODE_ENGINES) {
    const measured = await measure(engine, seconds);
    engines.push(measured);
    for (const line of wrapHanging(engineLine(measured), NAME_WIDTH, outputWidth())) say(line);
  }
  const remedy = nativeRemedy();
  const advice = remedy && remedyLines([remedy]).join('\n');
  if (advice) say(`\n${advice}`);
  if (json)
    process.stdout.write(`${JSON.stringify({ ...facts, engines, advice } satisfies Report, undefined, 2)}\n`);
  return 0;
}

function machine(): Omit<Report, 'engines' | 'advice'> {
  return {
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    processor: cpus()[0]?.model.trim() || 'unknown',
    processors: availableProcessors(),
    memory: totalmem(),
    instructionSets: nativeVariants(),
    gpu: 'not used: there is no GPU engine yet',
  };
}

function factLines({
  node,
  platform,
  processor,
  processors,
  memory,
  instructionSets,
  gpu,
}: ReturnType<typeof machine>): string[] {
  return [
    `Node             ${node}, ${platform}`,
    `processor        ${processor}; ${processors} usable`,
    `memory           ${formatBytes(memory)}`,
    `native kernels   ${instructionSets.join(', ') || 'none'}`,
    `GPU              ${gpu}`,
    '',
    'An iteration of the default model: LSTM, 2 layers of 128 units, 65 symbols,',
    'in batches of 50 rows × 50 symbols:',
  ];
}

function engineLine({ engine, description, milliseconds, charactersPerSecond, problem }: Measured): string {
  const name = engine.padEnd(10);
  if (milliseconds === undefined || charactersPerSecond === undefined)
    return `  ${name} does not work here: ${problem}`;
  return `  ${name} ${fixed(milliseconds, 1).padStart(7)} ms   ${formatCount(Math.round(charactersPerSecond)).padStart(9)} characters/s   ${description}`;
}

async function measure(name: EngineKindName, seconds: number): Promise<Measured> {
  let engine: Engine;
  try {
    ({ engine } = await makeEngine({ engine: name, precision: 'float32' }));
  } catch (error) {
    if (!(error instanceof CharRnnError)) throw error;
    return { engine: name, problem: error.problem };
  }
  const options = checkTrainingOptions({});
  const { batchSize, sequenceLength } = options;
  const charactersPerSecond = await measureSpeed(engine, options, VOCABULARY, {
    milliseconds: seconds * 1000,
  });
  const description = engine.description.text;
  await engine.close();
  const milliseconds = (batchSize * sequenceLength * 1000) / charactersPerSecond;
  return { engine: name, description, milliseconds, charactersPerSecond };
}
