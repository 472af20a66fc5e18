/** The inputs of the methods that generate text: options from a schema, prompts, and run-time values such as a signal. */
import type { Content } from '../data/symbols/tokenizer.ts';
import { OptionError } from '../errors.ts';
import { checkContent, checkContents, kindOf } from '../util/check-content.ts';
import type { Given } from '../util/check-options.ts';
import type { CompleteOptions, GenerateOptions, SamplesOptions } from './options.ts';
import type { SampleProgress } from './samples.ts';

/** Input that is shared by all texts of one call. */
export interface WritingInput extends Given<Omit<GenerateOptions, 'prompt'>> {
  /** Whether to put the prompt before the generated text. Default: false. */
  readonly echo?: boolean | undefined;
  /** How many alternatives to list in the details of each symbol, in pieces and samples. Default: no details. */
  readonly alternatives?: number | undefined;
  /** When it is aborted, the texts end and the call throws its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called with notices: about characters of the prompt that were left out or replaced, and about options that have no effect. */
  readonly onNotice?: ((message: string) => void) | undefined;
}

export interface GenerateInput extends WritingInput {
  /** The text that the model reads first; for a model over bytes, any bytes. Default: empty. */
  readonly prompt?: Content | undefined;
}

export interface GenerateAllInput extends WritingInput {
  /** The prompt of each text. After an empty one, the model's first token is uniformly random. */
  readonly prompts: readonly Content[];
}

/**
 * Asks for `count` samples (default: 1), drawing at most `attempts` (default: 100 for each one wanted). With `unique`, every text comes
 * only once.
 */
export interface SamplesInput extends Omit<GenerateInput, 'echo'>, Given<SamplesOptions> {
  /** Leaves out samples that occur in this text: as whole lines if `lines` is given, else anywhere. */
  readonly novel?: Content | undefined;
  readonly onProgress?: ((progress: SampleProgress) => void) | undefined;
}

/** Samples in pieces are neither compared with each other nor with a text. */
export type SamplePiecesInput = Omit<SamplesInput, 'unique' | 'novel' | 'attempts'>;

export interface CompleteInput extends Given<CompleteOptions> {
  /** When it is aborted, the search ends and the call throws its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called with notices about characters of the text that were left out or replaced. */
  readonly onNotice?: ((message: string) => void) | undefined;
}

/** The part of an input that the schema describes. */
export function optionsOf(input: WritingInput): Given<GenerateOptions> {
  const { echo: _, alternatives: __, signal: ___, onNotice: ____, ...options } = input;
  return options;
}

/**
 * The input of one text.
 *
 * @throws {OptionError} for `prompts`, which TypeScript rejects only in an object literal
 */
export function oneText(input: GenerateInput): GenerateInput {
  checkInput(input);
  if ('prompts' in input)
    throw new OptionError(
      'prompts',
      'one text has one `prompt`; generateAll and generatePieces take several',
    );
  return input;
}

/** @throws {OptionError} for an input that is not an object, or a signal that is not an AbortSignal */
function checkInput(input: GenerateInput | GenerateAllInput): void {
  if (typeof input !== 'object' || input === null)
    throw new OptionError('input', `got ${kindOf(input)}, expected an object`);
  const { signal } = input;
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new OptionError('signal', `got ${kindOf(signal)}, expected an AbortSignal`);
}

/**
 * The prompts of an input, and the rest of it.
 *
 * @throws {OptionError} for a prompt that is not text, or for both `prompt` and `prompts`
 */
export function splitPrompts(input: GenerateInput | GenerateAllInput): {
  prompts: readonly Content[];
  rest: WritingInput;
} {
  checkInput(input);
  if (!('prompts' in input)) {
    const { prompt = '', ...rest } = input;
    checkContent('prompt', prompt);
    return { prompts: [prompt], rest };
  }
  const { prompts, ...rest } = input;
  checkContents('prompts', prompts);
  if ('prompt' in rest) throw new OptionError('prompt', 'it cannot be combined with `prompts`');
  return { prompts, rest };
}
