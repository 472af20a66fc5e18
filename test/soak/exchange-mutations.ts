/**
 * Reads damaged files of every format for exchanging models. Each must give a named error or a valid model, within a second, and need no
 * more memory than four times its size.
 *
 *     node --expose-gc --import tsx test/soak/exchange-mutations.ts [COUNT]
 *
 * Tries COUNT mutations (default: 100,000) of small files in all formats; then some of a large file, for which memory is measured.
 */
import { fileURLToPath } from 'node:url';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { checkpointTensors, encodeCheckpoint } from '../../src/checkpoint/codec.ts';
import { encodeSafetensors } from '../../src/checkpoint/safetensors/safetensors.ts';
import { parameterCount } from '../../src/engine/layout.ts';
import { CharRnnError } from '../../src/errors.ts';
import type { FormatName } from '../../src/formats/format-names.ts';
import { encodeNpz } from '../../src/formats/npz/npz.ts';
import { encodeOnnx } from '../../src/formats/onnx/encode.ts';
import { openCheckpoint } from '../../src/formats/open.ts';
import { layoutOf } from '../../src/model/config.ts';
import { joined, madeCheckpoint } from '../checkpoint/made-checkpoint.ts';
import { mutations } from './mutations.ts';

type Encode = (checkpoint: Checkpoint) => Iterable<Uint8Array>;

export const ENCODERS: Readonly<Record<Exclude<FormatName, 'torch7'>, Encode>> = {
  safetensors: encodeCheckpoint,
  npz: encodeNpz,
  onnx: encodeOnnx,
};

export interface Tally {
  tried: number;
  read: number;
  /** How often each error code occurred. */
  readonly errors: Map<string, number>;
  /** The slowest decoding, in milliseconds of processor time, so that other processes do not count. */
  slowest: number;
  /** The largest memory of a decoding without the file, divided by the file's size; 0 if it was not measured. */
  memory: number;
}

/** Memory that any decoding needs, even of a tiny file. */
const LEAST_SIZE = 1e6;

interface Settings {
  readonly seed: number;
  readonly bulkFrom?: number;
  /** Whether to measure memory. Needs --expose-gc, and is slow, because it collects garbage before each decoding. */
  readonly measuresMemory?: boolean;
}

/**
 * Decodes mutations of a file.
 *
 * @throws {Error} for the first mutation with a wrong outcome; the message describes the mutation
 */
export function tryMutations(file: Uint8Array, count: number, settings: Settings): Tally {
  const tally: Tally = { tried: 0, read: 0, errors: new Map(), slowest: 0, memory: 0 };
  for (const { what, bytes } of mutations(file, count, settings)) {
    if (settings.measuresMemory) globalThis.gc?.();
    const before = memoryInUse();
    const start = process.cpuUsage();
    let outcome: Checkpoint | undefined;
    try {
      outcome = openCheckpoint(bytes, 'mutated');
    } catch (error) {
      if (!(error instanceof CharRnnError)) throw new Error(`${what}: not a named error`, { cause: error });
      tally.errors.set(error.code, (tally.errors.get(error.code) ?? 0) + 1);
    }
    const { user, system } = process.cpuUsage(start);
    tally.slowest = Math.max(tally.slowest, (user + system) / 1000);
    if (settings.measuresMemory) {
      const size = Math.max(bytes.length, LEAST_SIZE);
      tally.memory = Math.max(tally.memory, (memoryInUse() - before) / size);
    }
    tally.tried++;
    if (!outcome) continue;
    tally.read++;
    checkWhole(outcome, what);
  }
  return tally;
}

function memoryInUse(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Checks that a model is consistent, so that it could be used. */
function checkWhole({ config, parameters, vocabulary, training }: Checkpoint, what: string) {
  const whole =
    parameters.length === parameterCount(layoutOf(config)) &&
    parameters.every(Number.isFinite) &&
    vocabulary.size === config.vocabularySize &&
    (training?.moments ?? []).every(({ length }) => length === parameters.length);
  if (!whole) throw new Error(`${what}: it was read, and does not fit together`);
}

/** Small files of every format, with all their optional parts. */
export function smallFiles(): { name: string; file: Uint8Array }[] {
  const models = [
    madeCheckpoint({ cell: 'lstm', embeddingSize: 4 }),
    madeCheckpoint({ cell: 'gru', reset: 'after', precision: 'float64', moments: 2 }),
  ];
  const files = Object.entries(ENCODERS).flatMap(([name, encode]) =>
    models.map((model) => ({ name, file: joined([...encode(model)]) })),
  );
  // As Python's save_file(tensors, path) writes them.
  const bare = models.map((model) => {
    const { tensors } = checkpointTensors(model);
    return { name: 'safetensors', file: joined(encodeSafetensors({ tensors, metadata: new Map() })) };
  });
  return [...files, ...bare];
}

function main() {
  const count = Number(process.argv[2] ?? 100_000);
  const files = smallFiles();
  for (const [index, { name, file }] of files.entries()) {
    report(name, file, tryMutations(file, Math.ceil(count / files.length), { seed: 100 + index }));
  }
  const large = madeCheckpoint({ hiddenSize: 400, moments: 0 });
  for (const [name, encode] of Object.entries(ENCODERS)) {
    const file = joined([...encode(large)]);
    report(
      `${name}, large`,
      file,
      tryMutations(file, 150, { seed: 7, bulkFrom: 4000, measuresMemory: true }),
    );
  }
}

function report(name: string, file: Uint8Array, tally: Tally) {
  const errors = [...tally.errors].map(([code, times]) => `${code} ${times}`).join(', ');
  const memory = tally.memory > 0 ? `, memory ${tally.memory.toFixed(2)} × the file` : '';
  console.log(
    `${name} of ${file.length} bytes: ${tally.tried} tried, ${tally.read} read, slowest ${tally.slowest.toFixed(1)} ms${memory}\n  ${errors}`,
  );
  if (tally.slowest > 1000) throw new Error('one took more than a second');
  if (tally.memory > 4) throw new Error('one took more than four times its size');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
