/**
 * Resumes from damaged checkpoints. Each must be rejected with a named error, or be a consistent checkpoint that can be trained.
 *
 *     node --import tsx test/soak/mutated-checkpoints.ts [COUNT] [SEED]
 *
 * Tries COUNT mutations (default: 100,000) of files that tiny training runs have written. A checkpoint that can be read is written and read
 * again, and must be the same. Then training continues for an iteration on the reference engine. Prints the outcomes, and the largest
 * allocation of array buffers in a read, divided by the size of the file.
 */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { decodeCheckpoint, encodeCheckpoint } from '../../src/checkpoint/codec.ts';
import { bytesSource } from '../../src/checkpoint/safetensors/byte-source.ts';
import { readHeader } from '../../src/checkpoint/safetensors/safetensors.ts';
import { buildCorpus, type Corpus } from '../../src/data/corpus.ts';
import { makePortableEngine } from '../../src/engine/select.ts';
import { CharRnnError } from '../../src/errors.ts';
import { requireTrainingState, resumedOptions } from '../../src/train/start/resume.ts';
import { startingOptions } from '../../src/train/start/start-from.ts';
import { type TrainSettings, trainOn } from '../../src/train/train.ts';
import { joinBytes } from '../../src/util/bytes.ts';
import { mutations } from './mutations.ts';

const text = 'the harbour wall stood in the rain, and the keeper walked along it.\n'.repeat(8);

export interface Tally {
  tried: number;
  resumed: number;
  /** How often each error code occurred, by the operation. */
  readonly errors: Map<string, number>;
  /** The largest allocation of array buffers in a read, divided by the file's size. */
  allocation: number;
}

interface Base {
  readonly file: Uint8Array;
  readonly corpus: Corpus;
}

/** The files of two tiny training runs with different cells, optimizers and precisions. */
export async function trainedFiles(): Promise<Base[]> {
  const small = {
    hiddenSize: 3,
    batchSize: 2,
    sequenceLength: 6,
    engine: 'reference',
    maxIterations: 5,
    evaluateEvery: 3,
  } as const;
  const kinds = [
    { ...small, cell: 'lstm', layers: 1, dropout: 0.1 },
    { ...small, cell: 'gru', layers: 2, optimizer: 'adam', precision: 'float64', tokens: 'byte' },
  ] as const;
  return Promise.all(
    kinds.map(async (kind) => {
      const { options } = startingOptions(kind, undefined);
      const corpus = await buildCorpus({ text, name: 'the text' }, options);
      let checkpoint: Checkpoint | undefined;
      for await (const event of trainOn(corpus, options, {})) {
        if (event.type === 'finished') checkpoint = event.checkpoint;
      }
      assert.ok(checkpoint?.training);
      // A fixed run id instead of a random one, so that a seed damages the same bytes each time.
      const training = { ...checkpoint.training, runId: 'run' };
      return { file: joinBytes(encodeCheckpoint({ ...checkpoint, training })), corpus };
    }),
  );
}

/** Memory that any read needs, even of a tiny file. */
const LEAST_SIZE = 16_000;

/**
 * Reads and resumes mutations of a file.
 *
 * @throws {Error} for the first mutation with a wrong outcome; the message describes the mutation
 */
export async function resumeMutations({ file, corpus }: Base, count: number, seed: number): Promise<Tally> {
  const tally: Tally = { tried: 0, resumed: 0, errors: new Map(), allocation: 0 };
  for (const { what, bytes } of mutations(file, count, {
    seed,
    bulkFrom: readHeader(bytesSource(file), 'x').dataStart,
  })) {
    tally.tried++;
    try {
      const checkpoint = read(bytes, tally);
      const written = joinBytes(encodeCheckpoint(checkpoint));
      const again = joinBytes(encodeCheckpoint(decodeCheckpoint(written, 'written')));
      assert.ok(Buffer.compare(written, again) === 0, 'what is written again is the same');
      await goOn(checkpoint, corpus);
      tally.resumed++;
    } catch (error) {
      if (!(error instanceof CharRnnError)) {
        throw new Error(`seed ${seed}, number ${tally.tried}, ${what}`, { cause: error });
      }
      tally.errors.set(error.code, (tally.errors.get(error.code) ?? 0) + 1);
    }
  }
  return tally;
}

function read(bytes: Uint8Array, tally: Tally): Checkpoint {
  const before = process.memoryUsage().arrayBuffers;
  try {
    return decodeCheckpoint(bytes, 'mutated');
  } finally {
    const taken = process.memoryUsage().arrayBuffers - before;
    tally.allocation = Math.max(tally.allocation, taken / Math.max(bytes.length, LEAST_SIZE));
  }
}

/** Trains one more iteration, like `--resume`. */
async function goOn(checkpoint: Checkpoint, { text: { sha256 } }: Corpus): Promise<void> {
  const trained = requireTrainingState(checkpoint, 'mutated');
  const more = { maxIterations: trained.training.iteration + 1, maxEpochs: 1e6 };
  const { options } = resumedOptions(more, trained, 'mutated');
  const { vocabulary } = checkpoint;
  const corpus = await buildCorpus({ text, name: 'the text' }, { ...options, vocabulary });
  assert.equal(corpus.text.sha256, sha256);
  const settings: TrainSettings = {
    makeEngine: ({ precision }) => makePortableEngine({ engine: 'reference', precision }),
    availableMemory: 1e8,
  };
  const events = trainOn(corpus, options, settings, { initial: checkpoint, resumes: true });
  for await (const event of events) if (event.type === 'iteration') break;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [count = 100_000, seed = 1] = process.argv.slice(2).map(Number);
  const began = performance.now();
  const bases = await trainedFiles();
  for (const base of bases) {
    const { errors, ...figures } = await resumeMutations(base, Math.ceil(count / bases.length), seed);
    const facts = { bytes: base.file.length, ...figures, errors: Object.fromEntries(errors) };
    console.log(JSON.stringify(facts));
  }
  console.log(`${Math.round((performance.now() - began) / 1000)} s`);
}
