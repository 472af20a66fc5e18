/** `char-rnn compare`: finds the model that predicts a text best. */
import { loadCorpus } from '../../data/corpus.node.ts';
import type { Corpus } from '../../data/corpus.ts';
import { UsageError } from '../../errors.ts';
import { readCheckpointFile } from '../../formats/read.node.ts';
import { ByteBlocks, blockBytesFor, mapBytes } from '../../score/byte-blocks.ts';
import { type Comparison, checkComparable, compareModels, type Reading } from '../../score/comparison.ts';
import type { ScoreOptions } from '../../score/options.ts';
import { scoreSequences } from '../../score/score-sequences.ts';
import { tooShort } from '../../score/score-text.ts';
import { rowSequences, type Sequence } from '../../score/sequences.ts';
import { formatCount } from '../../util/format.ts';
import { onlyOnce } from '../../util/once.ts';
import type { CommandInput } from '../command.ts';
import { note } from '../terminal/note.ts';
import { outputWidth, watchOutput } from '../terminal/output.ts';
import { ProgressLine } from '../terminal/progress-line.ts';
import { catchSignals } from '../terminal/signals.ts';
import { wrapHanging } from '../terminal/text-width.ts';
import { findModelFile } from './model-file.ts';
import { readingOptionsFor } from './reading-options.ts';
import { openScoredModel, type ScoredModelOptions } from './scored-model.ts';

export interface CompareFlags extends ScoreOptions, ScoredModelOptions {
  readonly encoding?: string | undefined;
  readonly field?: string | undefined;
  /** Seed of the bootstrap. */
  readonly seed: number;
  readonly json: boolean;
}

export async function runCompare(input: CommandInput, flags: CompareFlags): Promise<number> {
  const { positionals } = input;
  const paths = positionals.slice(0, -1);
  const text = positionals.at(-1);
  if (text === undefined || paths.length < 2) {
    throw new UsageError('compare takes two or more checkpoints and a text.', {
      remedies: [
        {
          text: 'For example',
          command: ['compare', 'cv/best.safetensors', 'cv/last.safetensors', 'other.txt'],
        },
      ],
    });
  }
  const stopped = catchSignals();
  watchOutput((code) => stopped.stop(code));
  try {
    const files: string[] = [];
    for (const path of paths) files.push(await findModelFile(path));
    const comparison = await compare(files, text, flags, input, stopped.signal);
    const lines = flags.json
      ? [JSON.stringify(comparison, undefined, 2)]
      : comparisonLines(comparison).flatMap((line) => wrapHanging(line, 2, outputWidth()));
    process.stdout.write(`${lines.join('\n')}\n`);
  } catch (error) {
    if (!stopped.signal.aborted) throw error;
  } finally {
    stopped.release();
  }
  return stopped.exitCode() ?? 0;
}

interface Candidate extends Reading {
  readonly corpus: Corpus;
  readonly sequences: readonly Sequence[];
}

async function compare(
  paths: readonly string[],
  text: string,
  flags: CompareFlags,
  input: CommandInput,
  signal: AbortSignal,
): Promise<Comparison> {
  const candidates: Candidate[] = [];
  try {
    for (const path of paths) candidates.push(await readAs(path, text, flags));
    checkComparable(candidates);
    const bytes = candidates[0]?.map.bytes ?? 0;
    const skip = Math.max(...candidates.map(({ map }) => map.firstBytes));
    const measured: ByteBlocks[] = [];
    // The models have the same engine, and so the same notices about it.
    const say = onlyOnce(note);
    for (const candidate of candidates) {
      const blocks = new ByteBlocks(candidate.map, blockBytesFor(bytes), skip);
      await measure(candidate, blocks, flags, { input, signal, say });
      measured.push(blocks);
    }
    const comparison = compareModels(candidates, measured, flags.seed);
    const changed = new Map(candidates.map(({ name, corpus }) => [name, corpus.changed]));
    return {
      ...comparison,
      models: comparison.models.map((model) => ({ ...model, ...changed.get(model.name) })),
    };
  } finally {
    for (const { corpus } of candidates) await corpus.close?.();
  }
}

/** Reads the text in the symbols of a model. */
async function readAs(path: string, text: string, flags: CompareFlags): Promise<Candidate> {
  const { unknown, rows } = flags;
  const checkpoint = await readCheckpointFile(path);
  const { vocabulary } = checkpoint;
  const options = { normalize: vocabulary.normalize, minCount: 1, unknown, vocabulary };
  const corpus = await loadCorpus({ paths: [text] }, { ...readingOptionsFor(checkpoint, flags), ...options });
  try {
    for (const notice of corpus.notices) note(`${path}: ${notice}`);
    if (corpus.tokens.length < 2) throw tooShort(corpus.text.name, corpus.tokens.length);
    const sequences = rowSequences(corpus.tokens.length, rows);
    const map = await mapBytes(corpus.tokens, vocabulary, sequences);
    return { name: path, vocabulary, corpus, sequences, map };
  } catch (error) {
    await corpus.close?.();
    throw error;
  }
}

interface MeasuringContext {
  readonly input: CommandInput;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

async function measure(
  { name, corpus, sequences }: Candidate,
  blocks: ByteBlocks,
  flags: CompareFlags,
  { input, signal, say }: MeasuringContext,
): Promise<void> {
  const { engine, checkpoint, quantization } = await openScoredModel(name, flags, say, input);
  const { config, parameters } = checkpoint;
  const rows = sequences.length;
  const progress = new ProgressLine(`evaluating ${name}`);
  let done = 0;
  try {
    const scoring = {
      ...{ engine, config, parameters, quantization, sequences, rows, signal },
      tokens: corpus.tokens,
    };
    for await (const run of scoreSequences(scoring)) {
      blocks.add(run);
      done += run.losses.length;
      progress.show(done / corpus.tokens.length);
    }
  } finally {
    progress.close();
    await engine.close();
  }
}

/** A smaller difference in bits does not count: equal models that round differently differ by less. */
const MIN_SHOWN_DIFFERENCE = 5e-5;

function comparisonLines({ unit, count, blocks, models }: Comparison): string[] {
  const width = Math.max(...models.map(({ name }) => name.length));
  return [
    ...models.map(({ name, bits, behindBest }) => {
      const loss = `${name.padEnd(width)}  ${bits.toFixed(4)} bits per ${unit}`;
      if (!behindBest) return `${loss}, the best`;
      const { mean, low, high } = behindBest;
      const verdict = low >= MIN_SHOWN_DIFFERENCE ? 'worse' : 'no significant difference';
      return `${loss}, +${mean.toFixed(4)} (95%: ${signed(low)} to ${signed(high)}): ${verdict}`;
    }),
    `over ${formatCount(count)} ${unit}s; intervals by paired bootstrap over ${formatCount(blocks)} blocks`,
  ];
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}`;
}
