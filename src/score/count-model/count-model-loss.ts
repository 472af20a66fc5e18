/** The loss of a count model on the validation split: the baseline that a network has to beat. */
import type { BatchSource, Splits } from '../../data/batches/batches.ts';
import { BatchContexts } from './batch-contexts.ts';
import { CountModel } from './count-model.ts';

/** Length of the longest n-grams: a context of 4 symbols. */
const ORDER = 5;
/** Maximum number of training symbols: those nearest to the held-out part. */
const MAX_SYMBOLS = 20_000_000;
/** Maximum number of n-grams, which take up to 40 bytes each. */
const MAX_NGRAMS = 5_000_000;

/** Bytes of a model for each training symbol, as measured on texts of 1 and 9 MB, and the maximum for a model. */
const BYTES_PER_SYMBOL = 8;
const MAX_BYTES = 40 * MAX_NGRAMS;

/** Estimated bytes of memory of a count model. */
export function countModelBytes(trainTokens: number): number {
  return Math.min(MAX_BYTES, BYTES_PER_SYMBOL * trainTokens);
}

export interface CountModelLoss {
  /** Length of the longest n-grams. */
  readonly order: number;
  /** In nats per symbol of the validation split. */
  readonly loss: number;
  /** Number of symbols that the model was fitted to; less than the training split if that is large. */
  readonly trainTokens: number;
  /** Number of symbols over which the loss is averaged. */
  readonly validationTokens: number;
}

/** Limits that tests lower. */
export interface CountLimits {
  readonly symbols: number;
  readonly ngrams: number;
}

/**
 * Fits a count model to the training split and measures its loss on the validation split: on the same symbols as the network's evaluation, each
 * predicted from the symbols that the network has read since the start of its row or document.
 *
 * If the training split is too large, the model is fitted to its last batches.
 *
 * Yields after each batch and every few thousand n-grams, so that the caller can pause.
 *
 * @param splits They must not be read by others at the same time.
 * @returns undefined if a split is empty
 */
export async function* countModelLoss(
  { train, validation }: Pick<Splits, 'train' | 'validation'>,
  vocabularySize: number,
  limits: CountLimits = { symbols: MAX_SYMBOLS, ngrams: MAX_NGRAMS },
): AsyncGenerator<void, CountModelLoss | undefined, void> {
  if (train.count === 0 || validation.count === 0) return undefined;
  const { model, batches } = yield* fit(train, vocabularySize, limits);
  let sum = 0;
  const contexts = new BatchContexts(validation.batchSize, ORDER - 1, model.boundary);
  for (let index = 0; index < validation.count; index++) {
    contexts.read(await validation.batch(index), (context, symbol) => {
      sum -= Math.log(model.probability(context, symbol));
    });
    yield;
  }
  const validationTokens = validation.count * tokensOf(validation);
  return {
    order: ORDER,
    loss: sum / validationTokens,
    trainTokens: batches * tokensOf(train),
    validationTokens,
  };
}

/** Fits a model to the last batches of a split: as many as the limits allow. */
async function* fit(train: BatchSource, vocabularySize: number, limits: CountLimits) {
  let batches = Math.min(train.count, Math.max(1, Math.floor(limits.symbols / tokensOf(train))));
  for (;;) {
    const model = new CountModel(vocabularySize, ORDER);
    const contexts = new BatchContexts(train.batchSize, ORDER - 1, model.boundary);
    let done = 0;
    while (done < batches && (model.ngrams <= limits.ngrams || batches === 1)) {
      const batch = await train.batch(train.count - batches + done);
      contexts.read(batch, (context, symbol) => model.count(context, symbol));
      done++;
      yield;
    }
    if (done === batches) {
      for (const _ of model.finish()) yield;
      return { model, batches };
    }
    // The first `done` batches have too many n-grams. Try fewer: as many others may have even more.
    batches = Math.max(1, Math.floor(done * 0.8));
  }
}

function tokensOf({ batchSize, sequenceLength }: BatchSource): number {
  return batchSize * sequenceLength;
}
