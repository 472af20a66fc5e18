/** Replaces the options that the user has left open by those of a preset. */
import { fitShape } from '../../data/batches/splits.ts';
import type { Corpus } from '../../data/corpus.ts';
import type { Engine } from '../../engine/engine.ts';
import { parseDuration } from '../../util/duration.ts';
import { formatCount } from '../../util/format.ts';
import type { OptionOrigins } from '../../util/option-origins.ts';
import type { TrainingEvent } from '../events.ts';
import type { TrainingOptions } from '../options.ts';
import { measureSpeed } from './measure-speed.ts';
import { choosePreset, flopsPerSymbol, PRESET_SECONDS, type PresetInput } from './preset.ts';

/** The speed that the first choice assumes. The model that it chooses is then measured. */
const ASSUMED_FLOPS = 1e11;
/** Enough for a stable median. */
const MEASURING_MILLISECONDS = 400;

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
 * @param signal Shortens the measurement if it is aborted.
 */
export async function* applyPreset(
  engine: Engine,
  corpus: Corpus,
  asked: TrainingOptions,
  origins: OptionOrigins | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<TrainingEvent, TrainingOptions, void> {
  const preset = presetOf(asked);
  if (preset === undefined) return asked;
  yield { type: 'notice', message: `\`preset\` ${preset}: measuring how fast this machine trains …` };
  const { vocabulary } = corpus;
  const input: Omit<PresetInput, 'flopsPerSecond'> = {
    seconds: asked.time === undefined ? PRESET_SECONDS[preset] : parseDuration(asked.time),
    symbols: trainingSymbols(corpus, asked),
    vocabularySize: vocabulary.size,
    fitShape: (shape) => fitShape(corpus, { ...asked, ...shape }),
    given: givenOptions(asked, origins),
  };
  const trial = { ...asked, ...choosePreset({ ...input, flopsPerSecond: ASSUMED_FLOPS }) };
  const symbolsPerSecond = await measureSpeed(engine, trial, vocabulary.size, {
    milliseconds: MEASURING_MILLISECONDS,
    signal,
  });
  const flops = (options: TrainingOptions) => flopsPerSymbol({ ...options, vocabularySize: vocabulary.size });
  const flopsPerSecond = symbolsPerSecond * flops(trial);
  const options = { ...asked, ...choosePreset({ ...input, flopsPerSecond }) };
  const seconds = (input.symbols * options.maxEpochs * flops(options)) / flopsPerSecond;
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

/** The options that differ, as a command would set them. */
function changedOptions(asked: TrainingOptions, options: TrainingOptions): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(options).filter(([name, value]) => asked[name as keyof TrainingOptions] !== value),
  );
}

function trainingSymbols({ tokens, validation, test }: Corpus, { trainFraction }: TrainingOptions): number {
  return validation || test ? tokens.length : Math.floor(tokens.length * trainFraction);
}

function presetText(
  preset: string,
  { cell, layers, hiddenSize, maxEpochs, dropout }: TrainingOptions,
  { seconds, flopsPerSecond }: { readonly seconds: number; readonly flopsPerSecond: number },
): string {
  const isShort = seconds < 90;
  const time = Math.max(1, Math.round(isShort ? seconds : seconds / 60));
  const unit = isShort ? 'second' : 'minute';
  return (
    `\`preset\` ${preset}: ${cell}, ${formatCount(layers)} layers of ${formatCount(hiddenSize)} units, dropout ${dropout}, ` +
    `${Number(maxEpochs.toPrecision(3))} epochs: about ${formatCount(time)} ${time === 1 ? unit : `${unit}s`} at ${Math.round(flopsPerSecond / 1e9)} GFLOP/s`
  );
}
