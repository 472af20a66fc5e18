/** Replaces the options that the user has left open by those of a preset. */
import { divideByFractions, fitShape } from '../../data/batches/splits.ts';
import type { Corpus } from '../../data/corpus.ts';
import { MAX_LAYERS } from '../../model/config.ts';
import { checkMemory, fitsMemory, type MemoryBounds } from '../../model/memory.ts';
import { parseDuration } from '../../util/duration.ts';
import { counted, formatCount } from '../../util/format.ts';
import type { OptionOrigins } from '../../util/option-origins.ts';
import { isUsed } from '../advice/unused-options.ts';
import type { TrainingEvent } from '../events.ts';
import { memoryNeeds, type RunFacts } from '../memory-needs.ts';
import { checkTrainingOptions, modelConfig, type TrainingOptions } from '../options.ts';
import {
  choosePreset,
  flopsPerSymbol,
  MIN_UNITS,
  PRESET_SECONDS,
  type PresetInput,
  secondsOfRun,
  UNIT_STEP,
} from './preset.ts';

/** The speed that the first choice assumes. The model that it chooses is then measured. */
const ASSUMED_FLOPS = 1e11;

/** Measures the symbols in a second that the engine of the run trains a model on. It may report that it had to use another engine. */
export type Measure = (
  options: TrainingOptions,
  vocabularySize: number,
) => AsyncGenerator<TrainingEvent, number, void>;

/** Where a run with a preset takes place. */
export interface PresetMachine {
  readonly bounds: MemoryBounds;
  readonly facts: RunFacts;
  readonly measure: Measure;
}

/** The measurement saves nothing, and starts no run that could go on with another engine. */
const TRIAL: RunFacts = { saves: false, canBeLost: false };

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
  { bounds, facts, measure }: PresetMachine,
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
  const choose = (flopsPerSecond: number, given = input.given) =>
    checkTrainingOptions({ ...asked, ...choosePreset({ ...input, flopsPerSecond, given }) });
  const isSizeOpen = input.given.hiddenSize === undefined;
  const fits = (options: TrainingOptions, run: RunFacts) =>
    fitsMemory(modelConfig(options, vocabulary.size), memoryNeeds(options, run), bounds);
  // The layout of so many layers could be too large to build, even for the choice.
  if (asked.layers > MAX_LAYERS)
    checkMemory(modelConfig(asked, vocabulary.size), memoryNeeds(asked, TRIAL), bounds);
  let trial = choose(ASSUMED_FLOPS);
  // A machine with little memory is probably slow, and will train a smaller model anyway.
  while (isSizeOpen && trial.hiddenSize > MIN_UNITS && !fits(trial, TRIAL))
    trial = { ...trial, hiddenSize: Math.max(MIN_UNITS, trial.hiddenSize >> 1) };
  checkMemory(modelConfig(trial, vocabulary.size), memoryNeeds(trial, TRIAL), bounds);
  yield { type: 'notice', message: `\`preset\` ${preset}: measuring how fast this machine trains …` };
  const symbolsPerSecond = yield* measure(trial, vocabulary.size);
  const flopsPerSecond = symbolsPerSecond * flopsPerSymbol({ ...trial, vocabularySize: vocabulary.size });
  const wanted = choose(flopsPerSecond);
  let options = wanted;
  while (isSizeOpen && options.hiddenSize > MIN_UNITS && !fits(options, facts)) {
    const hiddenSize = Math.max(MIN_UNITS, options.hiddenSize - UNIT_STEP);
    options = choose(flopsPerSecond, { ...input.given, hiddenSize });
  }
  const seconds = secondsOfRun({ ...input, flopsPerSecond }, options);
  yield {
    type: 'notice',
    message: presetText(preset, options, { seconds, flopsPerSecond, wanted: wanted.hiddenSize }),
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

function presetText(
  preset: string,
  { cell, layers, hiddenSize, maxEpochs, dropout }: TrainingOptions,
  {
    seconds,
    flopsPerSecond,
    wanted,
  }: { readonly seconds: number; readonly flopsPerSecond: number; readonly wanted: number },
): string {
  const isShort = seconds < 90;
  const time = Math.max(1, Math.round(isShort ? seconds : seconds / 60));
  return (
    `\`preset\` ${preset}: ${cell}, ${counted(layers, 'layer')} of ${formatCount(hiddenSize)} units, dropout ${dropout}, ` +
    `${counted(Number(maxEpochs.toPrecision(3)), 'epoch')}: about ${counted(time, isShort ? 'second' : 'minute')} at ${Math.round(flopsPerSecond / 1e9)} GFLOP/s` +
    (hiddenSize < wanted ? `; ${formatCount(wanted)} units do not fit in memory` : '')
  );
}
