/** `char-rnn eval --part all`: scores every character of a text but the first. */
import pc from 'picocolors';
import { loadCorpus } from '../../data/corpus.node.ts';
import type { Corpus } from '../../data/corpus.ts';
import { UsageError } from '../../errors.ts';
import { atTemperature } from '../../model/temperature.ts';
import { type DynamicScoring, scoreDynamically } from '../../score/dynamic.ts';
import type { TemperatureFit } from '../../score/fit-temperature.ts';
import { JoinedBytes, type ScoredSymbols } from '../../score/joined-bytes.ts';
import type { TextScoreOptions } from '../../score/options.ts';
import { type ScoredSpan, type Scoring, scoreSequences } from '../../score/score-sequences.ts';
import { tooShort } from '../../score/score-text.ts';
import { type Sequence, sequencesOf } from '../../score/sequences.ts';
import { sumOf } from '../../score/summary.ts';
import { SurpriseTracker, type SurprisingPlace } from '../../score/surprise.ts';
import { counted } from '../../util/format.ts';
import type { EvaluationReport } from '../report/eval-report.ts';
import { placeLines, SurprisePainter, surpriseLegend } from '../report/surprise-text.ts';
import type { TextOutput } from '../terminal/output.ts';
import { ProgressLine } from '../terminal/progress-line.ts';
import { type StatisticsContext, type StatisticsFlags, statisticsFor } from './dynamic-statistics.ts';
import { symbolsOf, wholeTextReading } from './reading-options.ts';
import type { ScoredModel } from './scored-model.ts';

interface Plan {
  readonly sequences: readonly Sequence[];
  readonly rows: number;
  readonly how: string;
}

/** The flags that apply to a whole text. */
export interface WholeTextFlags extends TextScoreOptions, StatisticsFlags {
  readonly surprise: boolean;
  readonly separator?: string | undefined;
  readonly encoding?: string | undefined;
  readonly field?: string | undefined;
  readonly json: boolean;
}

interface Context extends StatisticsContext {
  readonly output: TextOutput;
  /** A temperature with which to score the text too. */
  readonly fit?: TemperatureFit | undefined;
}

export async function scoreWholeText(
  model: ScoredModel,
  path: string,
  flags: WholeTextFlags,
  context: Context,
): Promise<EvaluationReport> {
  const corpus = await loadCorpus(
    { paths: [path] },
    {
      ...wholeTextReading(model.checkpoint, flags),
      ...symbolsOf(model.checkpoint.vocabulary, flags.unknown),
    },
  );
  corpus.notices.forEach(context.say);
  try {
    return await scoreCorpus(model, corpus, flags, context);
  } finally {
    await corpus.close?.();
  }
}

async function scoreCorpus(
  model: ScoredModel,
  corpus: Corpus,
  flags: WholeTextFlags,
  context: Context,
): Promise<EvaluationReport> {
  const { output, signal, fit } = context;
  const { config, parameters } = model.checkpoint;
  const plan = await planOf(corpus, flags);
  const { sequences } = plan;
  const characters = sequences.reduce((sum, { count }) => sum + count, 0);
  if (characters === 0) throw tooShort(corpus.text.name, corpus.tokens.length);
  const { engine, quantization } = model;
  const scoring = { engine, quantization, config, parameters, tokens: corpus.tokens, sequences, signal };
  const surprise = flags.surprise ? new SurpriseOutput(corpus, output, flags.json) : undefined;
  const nats = await natsOf({ ...scoring, rows: plan.rows }, characters, surprise);
  const natsAt = async (temperature: number) => {
    const { parameters } = atTemperature(model.checkpoint, temperature);
    return sumOf(await natsOf({ ...scoring, parameters, rows: plan.rows }, characters, undefined));
  };
  const fitted = fit && { fit, nats: await natsAt(fit.temperature) };
  const documentLoss = ({ count }: Sequence, index: number) => ({
    name: `document ${index + 1}`,
    characters: count,
    nats: nats[index] as number,
  });
  return {
    model,
    text: corpus.text,
    part: 'all',
    changed: corpus.changed,
    how: plan.how,
    documents: corpus.tokens.hasDocuments ? sequences.map(documentLoss) : [],
    characters,
    temperature: flags.temperature,
    nats: sumOf(nats),
    fitted,
    dynamic: flags.dynamic ? await scoreDynamicPart(model, corpus, scoring, flags, context) : undefined,
    surprising: surprise?.places,
  };
}

/** @throws {UsageError} for rows of a text with documents */
async function planOf({ tokens, vocabulary: { kind } }: Corpus, flags: WholeTextFlags): Promise<Plan> {
  if (tokens.hasDocuments && flags.rows > 1)
    throw new UsageError('--rows cuts a text into rows, but this text is already cut into documents.');
  const { sequences, rows, hasDocuments } = await sequencesOf(tokens, flags.rows);
  const how = hasDocuments
    ? `all: every ${kind} but the first of ${counted(sequences.length, 'document')}, each starting with an empty memory`
    : flags.rows === 1
      ? `all: every ${kind} but the first, read from start to end, starting with an empty memory`
      : `all: every ${kind} but the first, in ${sequences.length} parallel rows, each starting with an empty memory`;
  return { sequences, rows, how };
}

/** The sum of each sequence's losses. */
async function natsOf(
  scoring: Scoring,
  characters: number,
  surprise: SurpriseOutput | undefined,
): Promise<Float64Array> {
  const progress = new ProgressLine('evaluating');
  const sums = new Float64Array(scoring.sequences.length);
  let done = 0;
  // --surprise prints the text, so it needs the sequences one after the other.
  try {
    for await (const run of scoreSequences(surprise ? { ...scoring, rows: 1 } : scoring)) {
      sums[run.sequence] = (sums[run.sequence] as number) + sumOf(run.losses);
      await surprise?.add(run);
      done += run.losses.length;
      if (!surprise) progress.show(done / characters);
    }
  } finally {
    progress.close();
  }
  await surprise?.end();
  return sums;
}

async function scoreDynamicPart(
  model: ScoredModel,
  corpus: Corpus,
  scoring: DynamicScoring,
  flags: WholeTextFlags,
  context: Context,
): Promise<EvaluationReport['dynamic']> {
  const meanSquare = await statisticsFor(model, corpus, flags, context);
  const nats = await dynamicNats({ ...scoring, meanSquare, learningRate: flags.dynamicRate });
  return { nats, meanSquare: meanSquare ? 'training' : 'running' };
}

async function dynamicNats(scoring: DynamicScoring): Promise<number> {
  const characters = scoring.sequences.reduce((sum, { count }) => sum + count, 0);
  const progress = new ProgressLine('evaluating dynamically');
  const steps = scoreDynamically(scoring);
  try {
    let step = await steps.next();
    for (; !step.done; step = await steps.next()) progress.show(step.value / characters);
    return sumOf(step.value);
  } finally {
    progress.close();
  }
}

/** Prints the coloured text while it is read, then its most surprising places. With --json it only collects the places. */
class SurpriseOutput {
  readonly #corpus: Corpus;
  readonly #output: TextOutput;
  readonly #isQuiet: boolean;
  readonly #colors = pc.createColors(pc.isColorSupported);
  readonly #painter = new SurprisePainter(this.#colors);
  readonly #tracker: SurpriseTracker;
  /** Joins the symbols of a byte model into characters. */
  readonly #bytes: JoinedBytes | undefined;
  /** Index of the next token to show. */
  #next = 0;

  constructor(corpus: Corpus, output: TextOutput, isQuiet: boolean) {
    this.#corpus = corpus;
    this.#output = output;
    this.#isQuiet = isQuiet;
    this.#tracker = new SurpriseTracker(corpus.vocabulary);
    if (corpus.vocabulary.kind === 'byte') this.#bytes = new JoinedBytes();
  }

  get places(): readonly SurprisingPlace[] {
    return this.#tracker.places;
  }

  async add(run: ScoredSpan): Promise<void> {
    await this.#showUnpredicted(run.target);
    this.#tracker.add(run);
    const bits = Array.from(run.losses, (loss) => loss / Math.LN2);
    await this.#show(run.tokens, bits);
    this.#next = run.target + run.tokens.length;
  }

  async end(): Promise<void> {
    await this.#showUnpredicted(this.#corpus.tokens.length);
    if (this.#isQuiet) return;
    if (this.#bytes) await this.#paint(this.#bytes.end());
    const lines = [
      '',
      '',
      `the most surprising places (${surpriseLegend(this.#colors)})`,
      ...placeLines(this.places, this.#colors),
      '',
    ];
    await this.#output.write(`${lines.join('\n')}\n`);
  }

  /** Shows tokens without a prediction: the first character of the text and of each document. */
  async #showUnpredicted(end: number): Promise<void> {
    if (this.#next >= end) return;
    const tokens = new Int32Array(end - this.#next);
    await this.#corpus.tokens.read(this.#next, tokens);
    for (const token of tokens) this.#tracker.begin(token);
    await this.#show(
      tokens,
      Array.from(tokens, () => Number.NaN),
    );
    this.#next = end;
  }

  async #show(tokens: Int32Array, bits: readonly number[]): Promise<void> {
    if (this.#isQuiet) return;
    const scored = { symbols: Array.from(tokens, (token) => this.#corpus.vocabulary.symbolOf(token)), bits };
    await this.#paint(this.#bytes ? this.#bytes.push(scored) : scored);
  }

  async #paint({ symbols, bits }: ScoredSymbols): Promise<void> {
    await this.#output.write(this.#painter.paint(symbols, bits));
  }
}
