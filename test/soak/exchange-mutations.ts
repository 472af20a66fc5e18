/**
 * Damaged files of every format that this program exchanges models in: each must give a named error or a right answer, within a
 * second, and take no more than four times its size of memory.
 *
 *     node --expose-gc --import tsx test/soak/exchange-mutations.ts [COUNT]
 *
 * COUNT mutations (default 100,000) over all formats, of small files; then some of a large one, whose memory is measured.
 */
import { fileURLToPath } from 'node:url';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { checkpointTensors, encodeCheckpoint } from '../../src/checkpoint/codec.ts';
import { encodeSafetensors } from '../../src/checkpoint/safetensors/safetensors.ts';
import { parameterCount } from '../../src/engine/layout.ts';
import { CharRnnError } from '../../src/errors.ts';
import { encodeNpz } from '../../src/formats/npz/npz.ts';
import { encodeOnnx } from '../../src/formats/onnx/encode.ts';
import { type FormatName, openCheckpoint } from '../../src/formats/open.ts';
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
  /** How often each code came. */
  readonly errors: Map<string, number>;
  /** Of one decoding, in milliseconds of processor time: a neighbour's work does not count. */
  slowest: number;
  /** Memory that the worst decoding took beside the file, over the file's size; 0 where it was not measured. */
  memory: number;
}

/** What any decoding takes, be the file a few bytes long. */
const LEAST_SIZE = 1e6;

interface Settings {
  readonly seed: number;
  readonly bulkFrom?: number;
  /** Needs --expose-gc; the collector is called before each decoding, which takes its time. */
  readonly measuresMemory?: boolean;
}

/**
 * Decodes mutations of a file.
 *
 * @throws {Error} for the first that does not end as it must, with what was done to the file
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

/** A model that was read fits together: it could be used. */
function checkWhole({ config, parameters, vocabulary, training }: Checkpoint, what: string) {
  const whole =
    parameters.length === parameterCount(layoutOf(config)) &&
    parameters.every(Number.isFinite) &&
    vocabulary.size === config.vocabularySize &&
    (training?.moments ?? []).every(({ length }) => length === parameters.length);
  if (!whole) throw new Error(`${what}: it was read, and does not fit together`);
}

/** Small files of every format, with all that they can hold. */
export function smallFiles(): { name: string; file: Uint8Array }[] {
  const models = [
    madeCheckpoint({ cell: 'lstm', embeddingSize: 4 }),
    madeCheckpoint({ cell: 'gru', reset: 'after', precision: 'float64', moments: 2 }),
  ];
  const files = Object.entries(ENCODERS).flatMap(([name, encode]) =>
    models.map((model) => ({ name, file: joined([...encode(model)]) })),
  );
  // As Python's save_file(tensors, path) leaves them.
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
