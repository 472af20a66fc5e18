/** Splits a corpus into training, validation and test parts, and checks that it is large enough. */
import { type Remedy, TextError } from '../../errors.ts';
import { counted, formatCount } from '../../util/format.ts';
import type { Corpus } from '../corpus.ts';
import { SplicedTokens } from '../tokens/spliced-tokens.ts';
import type { BatchSource, Splits, TokenSource } from './batches.ts';
import { equalCuts, RandomCuts } from './cuts.ts';
import { OffsetBatches } from './offset-batches.ts';
import { RowBatches, type Rows } from './row-batches.ts';

export interface Shape {
  readonly batchSize: number;
  readonly sequenceLength: number;
}

export function isSameShape(a: Shape, b: Shape): boolean {
  return a.batchSize === b.batchSize && a.sequenceLength === b.sequenceLength;
}

export interface SplitOptions extends Shape {
  readonly trainFraction: number;
  readonly validationFraction: number;
  /** `rows` holds out the last batches of every row, as the original does; `tail` holds out the end of the text. */
  readonly split: 'rows' | 'tail';
  /** What is random in the training split. Absent: nothing, as in the original. */
  readonly random?: RandomRows | undefined;
  /** Batch shape for the held-out part if it differs from training's; it determines which tokens are held out. */
  readonly heldOut?: Shape | undefined;
}

/** The properties of training rows that are random in each epoch. They depend only on the seed and the number of the epoch. */
export interface RandomRows {
  readonly seed: number;
  /** Whether the rows begin at a random position of the text. */
  readonly offset: boolean;
  /** Whether the rows are cut into sequences of random lengths. */
  readonly length: boolean;
}

/** A split: tokens arranged as rows, and a range of their batches. */
interface Plan {
  readonly tokens: TokenSource;
  readonly offset: number;
  readonly length: number;
  readonly first: number;
  readonly count: number;
}

type Plans = Readonly<Record<'train' | 'validation' | 'test', Plan>>;

/**
 * Divides a corpus into splits.
 *
 * @throws {TextError} `text-too-short` if it is too short for a batch, `text-no-training-split` if no batch is left for training
 */
export function splitCorpus(corpus: Corpus, options: SplitOptions): Splits {
  const heldOut = options.heldOut ?? options;
  const plans = planSplits(corpus, { ...options, ...heldOut });
  const train = trainingPlan(corpus, options);
  const heldOutBatches = (plan: Plan) =>
    new RowBatches(plan, heldOut.batchSize, equalCuts(heldOut.sequenceLength, plan.first, plan.count));
  return {
    train: trainingSource(train, options),
    validation: heldOutBatches(plans.validation),
    test: heldOutBatches(plans.test),
  };
}

/** The batches of a training split, which begins with the first batch of its rows. */
function trainingSource(plan: Plan, options: SplitOptions): BatchSource {
  const { batchSize: B, sequenceLength: T, random } = options;
  const { count } = plan;
  const cuts = random?.length ? new RandomCuts(T, count, random.seed) : equalCuts(T, 0, count);
  if (!random?.offset) return new RowBatches(plan, B, cuts);
  return new OffsetBatches(ringOf(plan, options), B, cuts, random.seed);
}

/** The tokens of the training split, joined. @throws {TextError} as `splitCorpus` */
export function trainingTokens(corpus: Corpus, options: SplitOptions): Rows {
  return ringOf(trainingPlan(corpus, options), options);
}

/** The tokens of the training split, one row after the other. */
function ringOf(
  { tokens, offset, length, first, count }: Plan,
  { batchSize: B, sequenceLength: T }: Shape,
): Rows {
  const pieces = { offset: offset + first * T, length: count * T, stride: length / B, count: B };
  if (pieces.length === pieces.stride) return { tokens, offset: pieces.offset, length };
  const spliced = new SplicedTokens(tokens, pieces);
  return { tokens: spliced, offset: 0, length: spliced.length };
}

/** The number of batches in the training split. @throws {TextError} as `splitCorpus` */
export function trainingBatches(corpus: Corpus, options: SplitOptions): number {
  return trainingPlan(corpus, options).count;
}

function trainingPlan(corpus: Corpus, options: SplitOptions): Plan {
  const train = planTraining(corpus, options);
  if (batchesIn(corpus.tokens.length, options) === 0) throw tooShort(corpus, options);
  if (train.count === 0) throw noTraining(corpus, options);
  return train;
}

/** Warnings about splits that are unlikely to be intended. */
export function splitWarnings(
  splits: Splits,
  options: SplitOptions & { readonly fit?: boolean },
  { validation, test, vocabulary: { kind } }: Pick<Corpus, 'validation' | 'test' | 'vocabulary'>,
): { code: string; message: string }[] {
  const warnings: { code: string; message: string }[] = [];
  const batches = splits.train.count + splits.validation.count + splits.test.count;
  if (batches < FEW_BATCHES) {
    warnings.push({
      code: 'few-batches',
      message:
        `the text has only ${counted(batches, 'batch', 'batches')} of ${formatCount(options.batchSize)} × ` +
        `${formatCount(options.sequenceLength)}, so an epoch has few updates. ` +
        (options.fit
          ? 'The text is very short.'
          : 'Try a smaller `batchSize` or `sequenceLength`, or let `fit` choose them.'),
    });
  }
  const sum = options.trainFraction + options.validationFraction;
  if (sum > 1) {
    warnings.push({
      code: 'fractions-above-one',
      message: `\`trainFraction\` and \`validationFraction\` add up to ${Number(sum.toFixed(6))}: validation gets only what training leaves.`,
    });
  }
  if (splits.validation.count === 0) {
    warnings.push({
      code: 'no-validation',
      message: validation
        ? `${tooShortHeldOut('validation', validation, kind, options)}: training continues without evaluation.`
        : 'there is no validation data: training continues without evaluation. To get some, set a separate text (`validation`)' +
          // The fractions do not apply if a text is held out.
          (test ? '.' : ', or a larger `validationFraction` and a smaller `trainFraction`.'),
    });
  }
  if (test && splits.test.count === 0) {
    warnings.push({ code: 'no-test', message: `${tooShortHeldOut('test', test, kind, options)}.` });
  }
  return warnings;
}

function tooShortHeldOut(what: string, { length }: TokenSource, kind: string, options: SplitOptions): string {
  const { batchSize, sequenceLength } = options.heldOut ?? options;
  return (
    `the ${what} text has ${formatCount(length)} ${kind}s, too few for one batch of ` +
    `${formatCount(batchSize)} × ${formatCount(sequenceLength)} (${formatCount(batchSize * sequenceLength)})`
  );
}

/**
 * A batch shape for a small text, at most as large as the requested one: it makes 50 batches if possible, at least one for training
 * and, if part of the text is held out, at least one for validation.
 */
export function fitShape(corpus: Corpus, options: SplitOptions): Shape {
  const { batchSize, sequenceLength } = options;
  let best: Shape = { batchSize, sequenceLength };
  const limits = [
    { batchSize: 10, sequenceLength, batches: FEW_BATCHES },
    { batchSize: 10, sequenceLength: 25, batches: FEW_BATCHES },
    { batchSize: 4, sequenceLength: 25, batches: FEW_BATCHES / 3 },
    { batchSize: 2, sequenceLength: 10, batches: FEW_BATCHES / 5 },
    { batchSize: 1, sequenceLength: 1, batches: 2 },
  ];
  for (const limit of limits) {
    for (;;) {
      if (suits(corpus, { ...options, ...best }, limit.batches)) return best;
      const smaller = shrink(best, limit);
      if (!smaller) break;
      best = smaller;
    }
  }
  return best;
}

/** The original warns if there are fewer batches. */
const FEW_BATCHES = 50;

function suits(corpus: Corpus, options: SplitOptions, batches: number): boolean {
  const { train, validation, test } = planSplits(corpus, options);
  const isSplit = !corpus.validation && !corpus.test;
  const wantsValidation =
    corpus.validation !== undefined ||
    (isSplit && options.validationFraction > 0 && options.trainFraction < 1);
  return (
    train.count + validation.count + test.count >= batches &&
    train.count > 0 &&
    (validation.count > 0 || !wantsValidation)
  );
}

/** Halves the batch size, then the sequence length, down to a limit; undefined at the limit. */
function shrink(shape: Shape, limit: Shape): Shape | undefined {
  const { batchSize, sequenceLength } = shape;
  if (batchSize > limit.batchSize) {
    return { batchSize: Math.max(limit.batchSize, batchSize >> 1), sequenceLength };
  }
  if (sequenceLength > limit.sequenceLength) {
    return { batchSize, sequenceLength: Math.max(limit.sequenceLength, sequenceLength >> 1) };
  }
  return undefined;
}

function batchesIn(length: number, { batchSize, sequenceLength }: Shape): number {
  return Math.floor(length / (batchSize * sequenceLength));
}

function planSplits(corpus: Corpus, options: SplitOptions): Plans {
  if (corpus.validation || corpus.test) return planFiles(corpus, options);
  return options.split === 'tail' ? planTail(corpus.tokens, options) : planRows(corpus.tokens, options);
}

/** The training split. If the held-out part has another shape, that shape determines which tokens are left to train on. */
function planTraining(corpus: Corpus, options: SplitOptions): Plan {
  const { heldOut = options } = options;
  const isSame = isSameShape(heldOut, options);
  const isRows = !corpus.validation && !corpus.test && options.split === 'rows';
  const { train } = planSplits(corpus, { ...options, ...(isRows && heldOut) });
  if (isSame || !isRows) return train;
  // Training reads the start of each row. The starts are joined and arranged in rows of the new shape.
  const rows = heldOut.batchSize;
  const [length, stride] = [train.count * heldOut.sequenceLength, train.length / rows];
  const spliced = new SplicedTokens(train.tokens, { offset: train.offset, length, stride, count: rows });
  return whole(spliced, 0, spliced.length, options);
}

/** Divides a number by the fractions. Without a test fraction, validation gets all that training leaves. */
export function divideByFractions(
  whole: number,
  { trainFraction, validationFraction }: Pick<SplitOptions, 'trainFraction' | 'validationFraction'>,
) {
  const train = Math.floor(whole * trainFraction);
  const testFraction = Math.max(0, 1 - (trainFraction + validationFraction));
  const validation = testFraction === 0 ? whole - train : Math.floor(whole * validationFraction);
  return { train, validation, test: whole - train - validation };
}

function planRows(tokens: TokenSource, options: SplitOptions): Plans {
  const batches = batchesIn(tokens.length, options);
  const rows = { tokens, offset: 0, length: batches * options.batchSize * options.sequenceLength };
  const { train, validation, test } = divideByFractions(batches, options);
  return {
    train: { ...rows, first: 0, count: train },
    validation: { ...rows, first: train, count: validation },
    test: { ...rows, first: train + validation, count: test },
  };
}

/** A split of all batches in a range of the tokens. */
function whole(tokens: TokenSource, offset: number, length: number, shape: Shape): Plan {
  const count = batchesIn(length, shape);
  return { tokens, offset, length: count * shape.batchSize * shape.sequenceLength, first: 0, count };
}

function planTail(tokens: TokenSource, options: SplitOptions): Plans {
  const { train, validation, test } = divideByFractions(tokens.length, options);
  return {
    train: whole(tokens, 0, train, options),
    validation: whole(tokens, train, validation, options),
    test: whole(tokens, train + validation, test, options),
  };
}

function planFiles({ tokens, validation, test }: Corpus, options: SplitOptions): Plans {
  const file = (source: TokenSource | undefined) =>
    source ? whole(source, 0, source.length, options) : whole(tokens, 0, 0, options);
  return { train: file(tokens), validation: file(validation), test: file(test) };
}

function tooShort(corpus: Corpus, options: SplitOptions): TextError {
  const { batchSize, sequenceLength } = options;
  const { kind } = corpus.vocabulary;
  const fit = fitRemedies(corpus, options);
  const advice = fit.length > 0 ? 'Or use a longer text' : 'It is too short for any batch. Use a longer text';
  return new TextError(
    'text-too-short',
    `${corpus.text.name} has ${formatCount(corpus.tokens.length)} ${kind}s: too few for one batch of ` +
      `${formatCount(batchSize)} rows × ${formatCount(sequenceLength)} ${kind}s (${formatCount(batchSize * sequenceLength)}).`,
    { remedies: [...fit, { text: `${advice}; even 1 MB is small` }] },
  );
}

function noTraining(corpus: Corpus, options: SplitOptions): TextError {
  const batches = batchesIn(corpus.tokens.length, options);
  return new TextError(
    'text-no-training-split',
    `${corpus.text.name}: nothing is left to train on: ${formatCount(batches)} ${batches === 1 ? 'batch' : 'batches'} × ` +
      `${options.trainFraction} is less than one batch.`,
    { remedies: [...fitRemedies(corpus, options), { text: 'Or train on a larger part of the text' }] },
  );
}

/** Suggests `fit` if some batch shape suits the text. */
function fitRemedies(corpus: Corpus, options: SplitOptions): Remedy[] {
  const { batchSize, sequenceLength } = fitShape(corpus, options);
  if (!suits(corpus, { ...options, batchSize, sequenceLength }, 1)) return [];
  return [
    { text: `To train in batches of ${batchSize} × ${sequenceLength}, which suit it`, set: { fit: true } },
  ];
}
