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
import { sequencesOf, type TextSequences } from '../../score/sequences.ts';
import { counted } from '../../util/format.ts';
import { onlyOnce } from '../../util/once.ts';
import type { CommandInput } from '../command.ts';
import { note } from '../terminal/note.ts';
import { outputWidth, watchOutput } from '../terminal/output.ts';
import { ProgressLine } from '../terminal/progress-line.ts';
import { catchSignals } from '../terminal/signals.ts';
import { wrapHanging } from '../terminal/text-width.ts';
import { findModelFile } from './model-file.ts';
import { readingOptionsFor, symbolsOf, type TextReader, wholeTextReading } from './reading-options.ts';
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

interface Candidate extends Reading, TextSequences {
  readonly corpus: Corpus;
}

interface TextComparison extends Comparison {
  /** Number of documents; absent if the text was not cut into documents. */
  readonly documents?: number;
}

async function compare(
  paths: readonly string[],
  text: string,
  flags: CompareFlags,
  input: CommandInput,
  signal: AbortSignal,
): Promise<TextComparison> {
  const candidates: Candidate[] = [];
  try {
    const models: NamedReader[] = [];
    for (const path of paths) {
      const { vocabulary, training } = await readCheckpointFile(path);
      models.push({ path, vocabulary, training: training && { options: training.options } });
    }
    const reading = { ...flags, separator: commonSeparator(models, flags) };
    for (const model of models) candidates.push(await readAs(model, text, reading));
    checkComparable(candidates);
    const bytes = candidates[0]?.map.bytes ?? 0;
    const skips = skippedBytes(candidates);
    const measured: ByteBlocks[] = [];
    // The models have the same engine, and so the same notices about it.
    const say = onlyOnce(note);
    for (const candidate of candidates) {
      const blocks = new ByteBlocks(candidate.map, blockBytesFor(bytes), skips);
      await measure(candidate, blocks, flags, { input, signal, say });
      measured.push(blocks);
    }
    const comparison = compareModels(candidates, measured, flags.seed);
    const changed = new Map(candidates.map(({ name, corpus }) => [name, corpus.changed]));
    const [first] = candidates;
    return {
      ...comparison,
      ...(first?.hasDocuments && { documents: first.sequences.length }),
      models: comparison.models.map((model) => ({ ...model, ...changed.get(model.name) })),
    };
  } finally {
    for (const { corpus } of candidates) await corpus.close?.();
  }
}

interface NamedReader extends TextReader {
  readonly path: string;
}

/** The separator with which all models were trained; empty if there is none. */
function commonSeparator(models: readonly NamedReader[], flags: CompareFlags): string {
  const separators = new Set(models.map((model) => wholeTextReading(model, flags).separator ?? ''));
  const [separator = ''] = separators;
  if (separators.size === 1) return separator;
  note('the models were not trained with the same separator, so the text is read as one document.');
  return '';
}

/** Reads the text in the symbols of a model. */
async function readAs(
  { path, ...reader }: NamedReader,
  text: string,
  flags: CompareFlags & { readonly separator: string },
): Promise<Candidate> {
  const { unknown, rows } = flags;
  const { vocabulary } = reader;
  const corpus = await loadCorpus(
    { paths: [text] },
    { ...readingOptionsFor(reader, flags), ...symbolsOf(vocabulary, unknown) },
  );
  try {
    const { tokens } = corpus;
    for (const notice of corpus.notices) note(`${path}: ${notice}`);
    const parts = await sequencesOf(tokens, rows);
    const { sequences } = parts;
    if (sequences.every(({ count }) => count === 0)) throw tooShort(corpus.text.name, tokens.length);
    const map = await mapBytes(tokens, vocabulary, sequences);
    return { name: path, vocabulary, corpus, ...parts, map };
  } catch (error) {
    await corpus.close?.();
    throw error;
  }
}

/**
 * For each sequence, the bytes of the text before the first prediction that counts. The first symbol of a text or a document is not
 * predicted. It may be longer for another model, whose first symbol must not count for any.
 */
function skippedBytes(candidates: readonly Candidate[]): Float64Array {
  const [first] = candidates;
  if (!first) return new Float64Array();
  const most = Math.max(...candidates.map(({ map }) => map.firstBytes));
  return first.map.starts.map((_, index) =>
    first.hasDocuments ? Math.max(...candidates.map(({ map }) => map.starts[index] as number)) : most,
  );
}

interface MeasuringContext {
  readonly input: CommandInput;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

async function measure(
  { name, corpus, sequences, rows }: Candidate,
  blocks: ByteBlocks,
  flags: CompareFlags,
  { input, signal, say }: MeasuringContext,
): Promise<void> {
  const { engine, checkpoint, quantization } = await openScoredModel(name, flags, say, input);
  const { config, parameters } = checkpoint;
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

function comparisonLines({ unit, count, blocks, models, documents }: TextComparison): string[] {
  const width = Math.max(...models.map(({ name }) => name.length));
  return [
    ...models.map(({ name, bits, behindBest }) => {
      const loss = `${name.padEnd(width)}  ${bits.toFixed(4)} bits per ${unit}`;
      if (!behindBest) return `${loss}, the best`;
      const { mean, low, high } = behindBest;
      const verdict = low >= MIN_SHOWN_DIFFERENCE ? 'worse' : 'no significant difference';
      return `${loss}, +${mean.toFixed(4)} (95%: ${signed(low)} to ${signed(high)}): ${verdict}`;
    }),
    `over ${counted(count, unit)}${documents === undefined ? '' : ` in ${counted(documents, 'document')}`}; intervals by paired bootstrap over ${counted(blocks, 'block')}`,
  ];
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}`;
}
