/** The inputs of `LanguageModel.states`, `labelUnits` and `saliency`, and their checks. */
import { OptionError } from '../errors.ts';
import type { ModelConfig } from '../model/config.ts';
import type { ScoreOptions } from '../score/options.ts';
import type { Detector } from './detectors.ts';
import { partsOf, type UnitPart, type UnitStates } from './unit-states.ts';

interface ReadingInput {
  /**
   * What to do with a character that the model does not know. Default: `nearest`: replace it with the nearest known one, or leave it out if
   * there is none.
   */
  readonly unknown?: ScoreOptions['unknown'] | undefined;
  /** When it is aborted, the call throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called with a message about characters of the text that were left out. */
  readonly onNotice?: ((message: string) => void) | undefined;
  /** Called with the fraction of the work that is done, from 0 to 1. */
  readonly onProgress?: ((fraction: number) => void) | undefined;
}

export interface StatesInput extends ReadingInput {
  /** Layers to record, numbered from 1. Default: all. */
  readonly layers?: readonly number[] | undefined;
  /** Default: `['h']`. */
  readonly parts?: readonly UnitPart[] | undefined;
}

export interface LabelUnitsInput extends ReadingInput {
  /** Layers to label, numbered from 1. Default: all. */
  readonly layers?: readonly number[] | undefined;
  /** Default: `h`. */
  readonly part?: UnitPart | undefined;
  /** What units may track, by name. Default: `DETECTORS`. */
  readonly detectors?: Readonly<Record<string, Detector>> | undefined;
  /** Whether to compare with the untrained network. Default: true. Without this comparison, many labels are meaningless. */
  readonly twin?: boolean | undefined;
  /** The result of `states` for the same text, with these layers and this part. With it, the model does not read the text again. */
  readonly states?: UnitStates | undefined;
}

/**
 * How to measure the effect of earlier symbols on the loss of one.
 *
 * - `occlusion`: the change of this loss, in nats, when one earlier symbol is replaced with a space (or a space with a line end).
 * - `gradient`: the norm of its gradient with respect to the one-hot vector of each earlier symbol, or to its embedding.
 * - `context`: the loss itself, if the model has read only the last 1, 2, … symbols.
 */
export const SALIENCY_METHODS = ['occlusion', 'gradient', 'context'] as const;
export type SaliencyMethod = (typeof SALIENCY_METHODS)[number];

export interface SaliencyInput extends Omit<ReadingInput, 'onProgress'> {
  /** How many symbols to look back. Default: 64. */
  readonly back?: number | undefined;
  /** Default: `occlusion`. */
  readonly method?: SaliencyMethod | undefined;
}

/** The largest number of symbols to look back. Memory grows with its square. */
export const MAX_BACK = 1024;

/** @throws {OptionError} for a layer or part that the model does not have */
export function checkLayersAndParts(
  { layers: count, cell }: ModelConfig,
  layers: readonly number[] | undefined,
  parts: readonly UnitPart[],
  partName: string,
): void {
  if (layers && (!Array.isArray(layers) || layers.length === 0 || new Set(layers).size < layers.length))
    throw new OptionError('layers', `got ${JSON.stringify(layers)}, expected different numbers of layers`);
  for (const layer of layers ?? [])
    if (!Number.isInteger(layer) || layer < 1 || layer > count)
      throw new OptionError('layers', `got ${JSON.stringify(layer)}, expected numbers from 1 to ${count}`);
  const known = partsOf(cell);
  if (!Array.isArray(parts) || parts.length === 0 || new Set(parts).size < parts.length)
    throw new OptionError(
      partName,
      `got ${JSON.stringify(parts)}, expected different parts of ${known.join(', ')}`,
    );
  for (const part of parts)
    if (!known.includes(part))
      throw new OptionError(
        partName,
        `got ${JSON.stringify(part)}, expected ${known.join(', ')}: the parts of ${cell}`,
      );
}

/** @throws {OptionError} for states of another text or model, or without a layer or the part that is to be labelled */
export function checkRecordedStates(
  states: UnitStates,
  { hiddenSize }: ModelConfig,
  symbols: readonly string[],
  layers: readonly number[] | undefined,
  part: UnitPart,
): void {
  const wrong = (got: string, expected: string) =>
    new OptionError('states', `got ${got}, expected ${expected}`);
  if (states.units !== hiddenSize)
    throw wrong(`layers of ${states.units} units`, `${hiddenSize}, as the model has`);
  if (states.length !== symbols.length || states.symbols.some((symbol, t) => symbol !== symbols[t]))
    throw wrong('states of another text', 'those that the model has recorded for this text');
  if (!states.parts.includes(part)) throw wrong(`states of ${states.parts.join(', ')}`, `those of ${part}`);
  for (const layer of layers ?? [])
    if (!states.layers.includes(layer))
      throw wrong(`states of layers ${states.layers.join(', ')}`, `those of layer ${layer}`);
}

/** @throws {OptionError} */
export function checkSaliency({ back = 64, method = 'occlusion' }: SaliencyInput): {
  readonly back: number;
  readonly method: SaliencyMethod;
} {
  if (!Number.isInteger(back) || back < 1 || back > MAX_BACK)
    throw new OptionError(
      'back',
      `got ${JSON.stringify(back)}, expected a whole number from 1 to ${MAX_BACK}`,
    );
  if (!SALIENCY_METHODS.includes(method))
    throw new OptionError(
      'method',
      `got ${JSON.stringify(method)}, expected one of ${SALIENCY_METHODS.join(', ')}`,
    );
  return { back, method };
}
