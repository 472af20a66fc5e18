/** Replaces the options that the user has left open by those of a preset. */
import { divideByFractions, fitShape } from '../../data/batches/splits.ts';
import type { Corpus } from '../../data/corpus.ts';
import { UPDATE_RULES } from '../../engine/update-rules.ts';
import { MAX_LAYERS } from '../../model/config.ts';
import { checkMemory, fitsMemory, type MemoryBounds, type MemoryNeeds } from '../../model/memory.ts';
import { dropsWeights } from '../../model/regularization.ts';
import { parseDuration } from '../../util/duration.ts';
import { formatCount } from '../../util/format.ts';
import type { OptionOrigins } from '../../util/option-origins.ts';
import { isUsed } from '../advice/unused-options.ts';
import type { TrainingEvent } from '../events.ts';
import { checkTrainingOptions, modelConfig, type TrainingOptions } from '../options.ts';
import {
  choosePreset,
  flopsPerSymbol,
  MIN_UNITS,
  PRESET_SECONDS,
  type PresetInput,
  secondsOfRun,
} from './preset.ts';

/** The speed that the first choice assumes. The model that it chooses is then measured. */
const ASSUMED_FLOPS = 1e11;

/** Measures the symbols in a second that the engine of the run trains a model on. It may report that it had to use another engine. */
export type Measure = (
  options: TrainingOptions,
  vocabularySize: number,
) => AsyncGenerator<TrainingEvent, number, void>;

/** The preset that chooses options of a run, if there is one. A time alone means `balanced`. */
export function presetOf({
  preset,
  time,
}: Pick<TrainingOptions, 'preset' | 'time'>): keyof typeof PRESET_SECONDS | undefined {
  if (preset === undefined) return time === undefined ? undefined : 'balanced';
  return preset === 'original' ? undefined : preset;
}

/**
 * The options of a run with a preset. Yields notices of what is measured and chosen.
 *
 * @param origins Options from a flag, a file or a checkpoint stay as they are.
 * @throws {MemoryError} before the measurement if a model of the given size does not fit in memory
 */
export async function* applyPreset(
  corpus: Corpus,
  asked: TrainingOptions,
  origins: OptionOrigins | undefined,
  { bounds, measure }: { readonly bounds: MemoryBounds; readonly measure: Measure },
): AsyncGenerator<TrainingEvent, TrainingOptions, void> {
  const preset = presetOf(asked);
  if (preset === undefined) return asked;
  const { vocabulary } = corpus;
  const input: Omit<PresetInput, 'flopsPerSecond'> = {
    seconds: asked.time === undefined ? PRESET_SECONDS[preset] : parseDuration(asked.time),
    ...symbolsOf(corpus, asked),
    vocabularySize: vocabulary.size,
    fitShape: (shape) => fitShape(corpus, { ...asked, ...shape }),
    given: givenOptions(asked, origins),
  };
  const choose = (flopsPerSecond: number) =>
    checkTrainingOptions({ ...asked, ...choosePreset({ ...input, flopsPerSecond }) });
  // The layout of so many layers could be too large to build, even for the choice.
  if (asked.layers > MAX_LAYERS) checkMemory(modelConfig(asked, vocabulary.size), trialNeeds(asked), bounds);
  const wanted = choose(ASSUMED_FLOPS);
  const trial = input.given.hiddenSize === undefined ? smallerFor(wanted, vocabulary.size, bounds) : wanted;
  checkMemory(modelConfig(trial, vocabulary.size), trialNeeds(trial), bounds);
  yield { type: 'notice', message: `\`preset\` ${preset}: measuring how fast this machine trains …` };
  const symbolsPerSecond = yield* measure(trial, vocabulary.size);
  const flopsPerSecond = symbolsPerSecond * flopsPerSymbol({ ...trial, vocabularySize: vocabulary.size });
  const options = choose(flopsPerSecond);
  const seconds = secondsOfRun({ ...input, flopsPerSecond }, options);
  yield {
    type: 'notice',
    message: presetText(preset, options, { seconds, flopsPerSecond }),
    remedies: [
      {
        text: 'The same settings without a measurement',
        set: { ...changedOptions(asked, options), preset: undefined, time: undefined },
      },
    ],
  };
  return options;
}

/** Options that are set by the user, by a file or by a checkpoint. */
function givenOptions(asked: TrainingOptions, origins: OptionOrigins = {}): Partial<TrainingOptions> {
  const isGiven = ([name, value]: [string, unknown]) =>
    value !== undefined && origins[name] !== undefined && origins[name] !== 'default';
  return Object.fromEntries(Object.entries(asked).filter(isGiven));
}

/** The options that differ and have an effect, as a command would set them. */
function changedOptions(asked: TrainingOptions, options: TrainingOptions): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(options).filter(
      ([name, value]) => asked[name as keyof TrainingOptions] !== value && isUsed(name, options),
    ),
  );
}

/** The symbols of the training and validation texts. */
function symbolsOf(
  { tokens: { length }, validation, test }: Corpus,
  options: TrainingOptions,
): Pick<PresetInput, 'symbols' | 'validationSymbols'> {
  if (validation || test) return { symbols: length, validationSymbols: validation?.length ?? 0 };
  const parts = divideByFractions(length, options);
  return { symbols: parts.train, validationSymbols: parts.validation };
}

function trialNeeds(options: TrainingOptions): MemoryNeeds {
  const { precision, compute, batchSize, sequenceLength, optimizer } = options;
  const { moments } = UPDATE_RULES[optimizer];
  return { precision, compute, batchSize, sequenceLength, moments, dropsWeights: dropsWeights(options) };
}

/** The options with fewer units, if the model does not fit in memory. A slow machine will train a smaller one anyway. */
function smallerFor(options: TrainingOptions, vocabularySize: number, bounds: MemoryBounds): TrainingOptions {
  let fitting = options;
  const fits = () => fitsMemory(modelConfig(fitting, vocabularySize), trialNeeds(fitting), bounds);
  while (fitting.hiddenSize > MIN_UNITS && !fits())
    fitting = { ...fitting, hiddenSize: Math.max(MIN_UNITS, fitting.hiddenSize >> 1) };
  return fitting;
}

function presetText(
  preset: string,
  { cell, layers, hiddenSize, maxEpochs, dropout }: TrainingOptions,
  { seconds, flopsPerSecond }: { readonly seconds: number; readonly flopsPerSecond: number },
): string {
  const isShort = seconds < 90;
  const time = Math.max(1, Math.round(isShort ? seconds : seconds / 60));
  const counted = (count: number, unit: string) => `${formatCount(count)} ${count === 1 ? unit : `${unit}s`}`;
  return (
    `\`preset\` ${preset}: ${cell}, ${counted(layers, 'layer')} of ${formatCount(hiddenSize)} units, dropout ${dropout}, ` +
    `${counted(Number(maxEpochs.toPrecision(3)), 'epoch')}: about ${counted(time, isShort ? 'second' : 'minute')} at ${Math.round(flopsPerSecond / 1e9)} GFLOP/s`
  );
}
