/** States, labels and saliency of a model on an engine, for `LanguageModel`. */
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { symbolText } from '../data/symbols/symbol-text.ts';
import type { Vocabulary } from '../data/vocabulary.ts';
import type { Engine, FloatArray } from '../engine/engine.ts';
import { OptionError } from '../errors.ts';
import { labelUnits, type UnitLabel } from './label-units.ts';
import {
  checkLayersAndParts,
  checkRecordedStates,
  checkSaliency,
  type LabelUnitsInput,
  type SaliencyInput,
  type StatesInput,
} from './options.ts';
import { readStates } from './read-states.ts';
import { type Saliency, saliency } from './saliency.ts';
import type { UnitStates } from './unit-states.ts';
import { untrainedParameters } from './untrained-twin.ts';

/** A text as a model reads it. */
export interface ReadText {
  readonly engine: Engine;
  readonly checkpoint: Checkpoint;
  readonly tokens: Int32Array;
}

/** @throws {OptionError} for a layer or part that the model does not have */
export function statesOf(
  read: ReadText,
  { layers, parts = ['h'], signal, onProgress }: StatesInput,
): Promise<UnitStates> {
  checkLayersAndParts(read.checkpoint.config, layers, parts, 'parts');
  return record(read, read.checkpoint.parameters, { layers, parts, signal, onProgress });
}

/** @throws {OptionError} for a layer or part that the model does not have, and for recorded states that do not fit */
export async function labelsOf(read: ReadText, input: LabelUnitsInput): Promise<UnitLabel[]> {
  const { part = 'h', detectors, twin = true, states: recorded, signal, onProgress } = input;
  const { config, parameters } = read.checkpoint;
  checkLayersAndParts(config, input.layers, [part], 'part');
  if (recorded) checkRecordedStates(recorded, config, symbolsOf(read), input.layers, part);
  const layers = input.layers ?? recorded?.layers;
  const readings = Number(!recorded) + Number(twin);
  let finished = 0;
  /** Reads the text with some parameters, as one of the readings. */
  const readWith = async (own: FloatArray) => {
    const onOwnProgress = (fraction: number) => onProgress?.((finished + fraction) / readings);
    const states = await record(read, own, { layers, parts: [part], signal, onProgress: onOwnProgress });
    finished++;
    return states;
  };
  const states = recorded ?? (await readWith(parameters));
  const untrained = twin ? await readWith(untrainedParameters(read.checkpoint)) : undefined;
  return labelUnits(states, untrained, { layers, detectors, part, signal });
}

function record(
  read: ReadText,
  parameters: FloatArray,
  { layers, parts = ['h'], signal, onProgress }: StatesInput,
): Promise<UnitStates> {
  const { engine, checkpoint, tokens } = read;
  return readStates({
    ...{ engine, config: checkpoint.config, parameters, tokens, layers, parts, signal },
    symbols: symbolsOf(read),
    onProgress: (done) => onProgress?.(done / tokens.length),
  });
}

function symbolsOf({ checkpoint: { vocabulary }, tokens }: ReadText): string[] {
  return Array.from(tokens, (token) => symbolText(vocabulary.symbolOf(token), vocabulary.kind));
}

/**
 * @param position Index of the symbol whose loss is explained.
 * @throws {OptionError}
 */
export function saliencyOf(read: ReadText, position: number, input: SaliencyInput): Promise<Saliency> {
  const { back, method } = checkSaliency(input);
  const { engine, tokens, checkpoint } = read;
  if (!Number.isInteger(position) || position < 1 || position >= tokens.length)
    throw new OptionError(
      'position',
      `got ${position}, expected a symbol with another before it: from 1 to ${tokens.length - 1}`,
    );
  const { config, parameters, vocabulary } = checkpoint;
  const query = { engine, config, parameters, tokens, position, back, signal: input.signal };
  return saliency({ ...query, replacement: replacementIn(vocabulary) }, method);
}

/** A space for every token, and a line end for a space; token 0 or 1 in a vocabulary without them. */
function replacementIn(vocabulary: Vocabulary): (token: number) => number {
  const blank = vocabulary.tokenOf(' ') ?? 0;
  const lineEnd = vocabulary.tokenOf('\n');
  const other = lineEnd !== undefined && lineEnd !== blank ? lineEnd : blank === 0 ? 1 : 0;
  return (token) => (token === blank ? other : blank);
}
