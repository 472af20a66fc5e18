/**
 * The schema of the training options: names, types, ranges, defaults, flags and help.
 *
 * The flags, their reference, the library's `train()` and the metadata of checkpoints all follow from it. An option of the original has
 * the original's name as its `flag`.
 */
import * as z from 'zod/mini';
import { DEFAULT_FIELD_SEPARATOR } from '../data/records/records.ts';
import { CELL_NAMES, resetField } from '../engine/cells.ts';
import { engineOption, gpuOption, threadsOption } from '../engine/options.ts';
import { UPDATE_RULE_KINDS } from '../engine/update-rules.ts';
import { OptionError } from '../errors.ts';
import type { ModelConfig } from '../model/config.ts';
import { DROPOUT_MASKS, INITS } from '../model/option-values.ts';
import type { Regularization } from '../model/regularization.ts';
import { checkOptions, type Given } from '../util/check-options.ts';
import { DURATION } from '../util/duration.ts';
import { count, fraction, option, positive, seed } from '../util/option-info.ts';
import { type OptionsWithOrigins, optionsFrom, resolveOptions } from '../util/option-origins.ts';

export const trainingOptionsSchema = z.strictObject({
  tokens: option(z._default(z.enum(['character', 'byte', 'grapheme']), 'character'), {
    flag: 'tokens',
    group: 'Text',
    help: 'what one symbol is: a character (code point), a byte (as in the original) or a grapheme cluster',
  }),
  encoding: option(z._default(z.string().check(z.minLength(1)), 'auto'), {
    flag: 'encoding',
    group: 'Text',
    help: 'encoding of the texts, such as windows-1252 or shift_jis; auto detects it for each file',
    value: 'NAME',
    expected: 'auto or the name of an encoding',
  }),
  lineEnds: option(z._default(z.enum(['keep', 'lf']), 'keep'), {
    flag: 'line_ends',
    group: 'Text',
    help: 'keep line ends as they are, or turn CRLF and CR into LF',
  }),
  field: option(z.optional(z.string().check(z.minLength(1), z.maxLength(1000))), {
    flag: 'field',
    group: 'Text',
    help: 'the column of a CSV, or field of JSON lines, whose values are the documents',
    value: 'NAME',
    expected: 'a name of 1 to 1000 characters',
  }),
  normalize: option(z._default(z.enum(['none', 'nfc']), 'none'), {
    flag: 'normalize',
    group: 'Text',
    help: 'Unicode normalisation of the text and of prompts',
  }),
  minCount: option(z._default(count(1), 1), {
    flag: 'min_count',
    group: 'Text',
    help: 'characters that occur less often become one unknown symbol',
  }),
  unknown: option(z._default(z.enum(['error', 'skip']), 'error'), {
    flag: 'unknown',
    group: 'Text',
    help: 'what to do with characters of --valid, --test or a text for --init-from that are not in the vocabulary',
  }),
  initVocabulary: option(z.optional(z.enum(['extend', 'match'])), {
    flag: 'vocab',
    group: 'Text',
    help: "with --init-from and a text with new characters: extend the checkpoint's vocabulary, or match the text's",
  }),
  separator: option(z.optional(z.string().check(z.minLength(1), z.maxLength(1000))), {
    flag: 'separator',
    escapes: true,
    group: 'Text',
    help: 'text that ends a document, such as \\n---\\n; also added between files. The state is reset after it',
    value: 'TEXT',
    expected: 'a text of 1 to 1000 characters',
  }),
  split: option(z._default(z.enum(['rows', 'tail']), 'rows'), {
    flag: 'split',
    group: 'Text',
    help: 'rows: the end of every row is held out (the original); tail: the end of the text',
  }),
  trainFraction: option(z._default(fraction(), 0.95), {
    flag: 'train_frac',
    group: 'Text',
    help: 'fraction of the text to train on',
    original: true,
  }),
  validationFraction: option(z._default(fraction(), 0.05), {
    flag: 'val_frac',
    group: 'Text',
    help: 'fraction held out for validation; the rest is the test split',
    original: true,
  }),
  fit: option(z._default(z.boolean(), false), {
    flag: 'fit',
    group: 'Text',
    help: 'choose --batch-size and --seq-length to suit a small text',
  }),

  preset: option(z.optional(z.enum(['original', 'small', 'balanced', 'best'])), {
    flag: 'preset',
    group: 'Model',
    help: 'choose settings that suit the text, the machine and the time: 2 minutes for small, 10 for balanced, an hour for best, or --time',
    common: true,
  }),
  time: option(z.optional(z.string().check(z.regex(DURATION))), {
    flag: 'time',
    group: 'Model',
    help: 'time that the run may take, such as 30m; without --preset, settings are chosen as with balanced',
    value: 'TIME',
    expected: 'a time above zero, such as 90s, 10m or 2h',
    common: true,
  }),
  cell: option(z._default(z.enum(CELL_NAMES), 'lstm'), {
    flag: 'model',
    group: 'Model',
    help: 'kind of recurrent layer',
    original: true,
    common: true,
  }),
  hiddenSize: option(z._default(count(1), 128), {
    flag: 'rnn_size',
    aliases: ['hidden', 'hidden_size'],
    group: 'Model',
    help: 'hidden units per layer',
    original: true,
    common: true,
  }),
  layers: option(z._default(count(1), 2), {
    flag: 'num_layers',
    aliases: ['layers'],
    group: 'Model',
    help: 'recurrent layers',
    original: true,
    common: true,
  }),
  gruReset: option(z._default(z.enum(['before', 'after']), 'before'), {
    flag: 'gru_reset',
    group: 'Model',
    help: "a gru's reset gate acts before the recurrent product (the original) or after it (PyTorch's nn.GRU)",
  }),
  embeddingSize: option(z.optional(count(1)), {
    flag: 'embedding_size',
    group: 'Model',
    help: 'size of an embedding before the first layer, as in torch-rnn; default: none',
  }),
  dropout: option(z._default(z.number().check(z.minimum(0), z.lt(1)), 0), {
    flag: 'dropout',
    group: 'Model',
    help: 'probability of dropping a unit between layers during training',
    original: true,
    common: true,
  }),
  init: option(z._default(z.enum(INITS), 'original'), {
    flag: 'init',
    group: 'Model',
    help: "initial parameters: original: uniform in ±0.08; pytorch: as PyTorch's nn.LSTM; scaled: as pytorch, but ±1 for the one-hot input and biases of 0, best for long runs; forget biases of 1 except with pytorch",
  }),
  dropoutMask: option(z._default(z.enum(DROPOUT_MASKS), 'step'), {
    flag: 'dropout_mask',
    group: 'Model',
    help: 'step: drop different units at each time step (the original); sequence: drop the same units at all steps of a batch',
  }),
  weightDrop: option(z._default(z.number().check(z.minimum(0), z.lt(1)), 0), {
    flag: 'weight_drop',
    group: 'Model',
    help: 'probability of dropping a recurrent weight during training',
  }),
  tokenDropout: option(z._default(z.number().check(z.minimum(0), z.lt(1)), 0), {
    flag: 'token_dropout',
    group: 'Model',
    help: 'probability of dropping a symbol of the vocabulary from the input during training',
  }),
  precision: option(z._default(z.enum(['float32', 'float64']), 'float32'), {
    flag: 'precision',
    group: 'Model',
    help: 'precision to compute in',
  }),
  compute: option(z._default(z.enum(['float32', 'bfloat16', 'bfloat16-amx', 'float16']), 'float32'), {
    flag: 'compute',
    group: 'Model',
    help: 'bfloat16 (for AMD CPUs with AVX512_BF16) and bfloat16-amx (for Intel CPUs with AMX): round the factors of matrix products, to train faster; float16 (experimental, GPUs only): round the recurrent weights; sums and stored weights stay float32',
  }),

  engine: engineOption(),
  gpu: gpuOption({ original: true }),
  threads: threadsOption(),

  batchSize: option(z._default(count(1), 50), {
    flag: 'batch_size',
    aliases: ['batch'],
    group: 'Training',
    help: 'rows of text processed in parallel',
    original: true,
  }),
  sequenceLength: option(z._default(count(1), 50), {
    flag: 'seq_length',
    aliases: ['seq'],
    group: 'Training',
    help: 'time steps of backpropagation',
    original: true,
  }),
  accumulate: option(z._default(count(1), 1), {
    flag: 'accumulate',
    group: 'Training',
    help: 'batches per iteration; one update is made from their mean gradient',
  }),
  randomOffset: option(z._default(z.boolean(), false), {
    flag: 'random_offset',
    group: 'Training',
    help: 'at the start of each epoch, shift the rows by a new random offset and reset the states',
  }),
  randomLength: option(z._default(z.boolean(), false), {
    flag: 'random_length',
    group: 'Training',
    help: 'vary the length of each batch around a mean of --seq-length, and the learning rate in proportion',
  }),
  stateReset: option(z._default(z.number().check(z.minimum(0), z.maximum(1)), 0), {
    flag: 'state_reset',
    group: 'Training',
    help: 'probability of resetting the state of a row before a batch',
  }),
  maxEpochs: option(z._default(positive(), 50), {
    flag: 'max_epochs',
    aliases: ['epochs'],
    group: 'Training',
    help: 'passes through the training text',
    original: true,
    common: true,
  }),
  maxIterations: option(z.optional(count(1)), {
    flag: 'max_iterations',
    aliases: ['iterations'],
    group: 'Training',
    help: 'end after this iteration, even within an epoch',
  }),
  earlyStop: option(z.optional(count(1)), {
    flag: 'early_stop',
    group: 'Training',
    help: 'stop after this many evaluations in a row without a new best',
  }),
  optimizer: option(z._default(z.enum(UPDATE_RULE_KINDS), 'rmsprop'), {
    flag: 'optimizer',
    group: 'Training',
    help: 'update rule',
  }),
  learningRate: option(z._default(positive(), 2e-3), {
    flag: 'learning_rate',
    aliases: ['lr'],
    group: 'Training',
    help: 'step size of the optimizer',
    original: true,
    common: true,
  }),
  schedule: option(z._default(z.enum(['original', 'constant', 'cosine', 'linear', 'wsd']), 'original'), {
    flag: 'schedule',
    group: 'Training',
    help: 'how the learning rate changes: original: by --learning-rate-decay; cosine, linear: falls to zero; wsd: constant, falls to zero in the last fifth',
  }),
  warmup: option(z._default(z.number().check(z.minimum(0), z.lt(1)), 0), {
    flag: 'warmup',
    group: 'Training',
    help: 'fraction of the run in which the learning rate rises from zero',
  }),
  learningRateDecay: option(z._default(positive(), 0.97), {
    flag: 'learning_rate_decay',
    group: 'Training',
    help: 'factor on the learning rate at the end of each epoch',
    original: true,
  }),
  learningRateDecayAfter: option(z._default(count(0), 10), {
    flag: 'learning_rate_decay_after',
    group: 'Training',
    help: 'first epoch that ends with a decay',
    original: true,
  }),
  decayRate: option(z._default(z.number().check(z.minimum(0), z.lt(1)), 0.95), {
    flag: 'decay_rate',
    group: 'Training',
    help: "RMSProp's smoothing constant",
    original: true,
  }),
  adamBeta1: option(z._default(z.number().check(z.minimum(0), z.lt(1)), 0.9), {
    flag: 'adam_beta1',
    group: 'Training',
    help: "Adam's smoothing constant of the gradient",
  }),
  adamBeta2: option(z._default(z.number().check(z.minimum(0), z.lt(1)), 0.999), {
    flag: 'adam_beta2',
    group: 'Training',
    help: "Adam's smoothing constant of the squared gradient",
  }),
  weightDecay: option(z._default(z.number().check(z.minimum(0), z.lt(1)), 0), {
    flag: 'weight_decay',
    group: 'Training',
    help: 'shrink the weights, but not the biases, by this times the learning rate at each update; with adam: AdamW',
  }),
  average: option(z._default(z.enum(['none', 'ema', 'triggered']), 'none'), {
    flag: 'average',
    group: 'Training',
    help: 'evaluate, sample and save an average of the weights; ema: a moving average; triggered: the mean since the validation loss stopped falling',
  }),
  averageDecay: option(z._default(z.number().check(z.minimum(0), z.lt(1)), 0.999), {
    flag: 'average_decay',
    group: 'Training',
    help: 'with --average ema: the fraction of the average that is kept at each update',
  }),
  averageAfter: option(z._default(count(1), 5), {
    flag: 'average_after',
    group: 'Training',
    help: 'with --average triggered: begin after this many evaluations in a row without a new best',
  }),
  gradientClip: option(z._default(positive(), 5), {
    flag: 'grad_clip',
    group: 'Training',
    help: 'clamp each element of the gradient to ± this',
    original: true,
  }),
  gradientNormClip: option(z.optional(positive()), {
    flag: 'clip_norm',
    group: 'Training',
    help: 'scale the gradient down to this norm if its norm is larger, before --grad-clip',
  }),
  meanNormClip: option(z.optional(positive()), {
    flag: 'clip_mean_norm',
    group: 'Training',
    help: 'limit the norm of the gradient of the mean loss per symbol: the same as a --clip-norm of X times --seq-length',
  }),
  onExplosion: option(z._default(z.enum(['retry', 'stop']), 'retry'), {
    flag: 'on_explosion',
    group: 'Training',
    help: 'when the loss is not finite or 3 times the first: retry from the last good state with half the learning rate, or stop',
  }),
  retries: option(z._default(count(0), 5), {
    flag: 'retries',
    group: 'Training',
    help: 'how often a run may return to its last good state after an explosion',
  }),
  seed: option(z._default(seed(), 123), {
    flag: 'seed',
    group: 'Training',
    help: 'seed of all random numbers',
    original: true,
  }),

  evaluateEvery: option(z._default(count(1), 1000), {
    flag: 'eval_val_every',
    aliases: ['eval_every'],
    group: 'Output',
    help: 'iterations between evaluations, each with a checkpoint',
    original: true,
  }),
  baseline: option(z._default(z.boolean(), true), {
    flag: 'baseline',
    group: 'Output',
    help: 'measure the loss of a count model of order 5 on the validation split: the loss to beat; false: leave it out',
  }),
  checkpointEvery: option(z.optional(z.string().check(z.regex(/^[1-9]\d{0,8}m?$/))), {
    flag: 'checkpoint_every',
    group: 'Output',
    help: 'iterations (100) or minutes (10m) between checkpoints without an evaluation',
    value: 'N|Nm',
    expected: 'iterations, such as 100, or minutes, such as 10m',
  }),
  keep: option(z.optional(count(1)), {
    flag: 'keep',
    group: 'Output',
    help: 'keep the newest N checkpoints and the best; default: all with a validation loss, and two without',
  }),
  printEvery: option(z._default(count(1), 1), {
    flag: 'print_every',
    group: 'Output',
    help: 'print a line every N iterations',
    original: true,
  }),
  saveName: option(
    z._default(z.string().check(z.minLength(1), z.maxLength(150), z.regex(/^[^/\\]+$/)), 'lstm'),
    {
      flag: 'savefile',
      group: 'Output',
      help: "name of the run, used in its checkpoints' names",
      value: 'NAME',
      expected: 'a name of at most 150 characters, without slashes',
      original: true,
    },
  ),
});

/** All training options, with defaults for those that were not given. */
export type TrainingOptions = z.output<typeof trainingOptionsSchema>;

/**
 * Checks training options and fills in the defaults.
 *
 * @throws {OptionError} for the first option that is unknown or out of range
 */
export function checkTrainingOptions(input: Given<TrainingOptions>): TrainingOptions {
  const options = checkOptions(trainingOptionsSchema, input);
  if (options.gradientNormClip !== undefined && options.meanNormClip !== undefined)
    throw new OptionError(
      'meanNormClip',
      'limits the same norm as `gradientNormClip`, in other units: give only one',
    );
  if (options.compute !== 'float32' && options.precision !== 'float32')
    throw new OptionError('compute', `can be ${options.compute} only if \`precision\` is float32`);
  if (options.preset === 'original' && options.time !== undefined)
    throw new OptionError(
      'time',
      'has no effect with `preset` original, whose settings do not depend on the time: use small, balanced or best',
    );
  const { average, averageAfter, earlyStop } = options;
  if (average === 'triggered' && earlyStop !== undefined && earlyStop <= averageAfter)
    throw new OptionError(
      'averageAfter',
      `must be less than \`earlyStop\` (${earlyStop}): otherwise the run ends before the average begins`,
    );
  if (options.field === undefined || options.separator !== undefined) return options;
  return { ...options, separator: DEFAULT_FIELD_SEPARATOR };
}

/**
 * Merges the training options of several sources, and records where each value comes from.
 *
 * @throws {OptionError} for the first option that is unknown or out of range
 */
export function resolveTrainingOptions(
  ...sources: readonly OptionsWithOrigins[]
): OptionsWithOrigins<TrainingOptions> {
  const given = resolveOptions(...sources);
  const values = checkTrainingOptions(given.values);
  return { values, origins: optionsFrom('default', values, given.origins).origins };
}

/** The regularization of a run. */
export function regularizationOf(options: TrainingOptions): Regularization {
  const { dropout, dropoutMask, weightDrop, tokenDropout } = options;
  return { dropout, dropoutMask, weightDrop, tokenDropout };
}

/** The shape of the model, from the training options. */
export function modelConfig(options: TrainingOptions, vocabularySize: number): ModelConfig {
  const { cell, layers, hiddenSize, gruReset, embeddingSize } = options;
  return {
    cell,
    ...resetField(cell, gruReset),
    layers,
    hiddenSize,
    ...(embeddingSize !== undefined && { embeddingSize }),
    vocabularySize,
  };
}

/** The training options for a model of this shape. */
export function modelOptions({ cell, hiddenSize, layers, reset, embeddingSize }: ModelConfig) {
  const { reset: gruReset } = resetField(cell, reset);
  return { cell, hiddenSize, layers, ...(gruReset && { gruReset }), embeddingSize };
}
