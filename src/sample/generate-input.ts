/** What the ways to generate take: the options of a schema, prompts, and what only a program can give. */
import type { Content } from '../data/symbols/tokenizer.ts';
import { OptionError } from '../errors.ts';
import { checkContent, checkContents } from '../util/check-content.ts';
import type { Given } from '../util/check-options.ts';
import type { GenerateOptions } from './options.ts';
import type { SampleProgress } from './samples.ts';
import type { SamplesOptions } from './samples-options.ts';

/** What is the same for all texts that are written by one call. */
export interface WritingInput extends Given<Omit<GenerateOptions, 'prompt'>> {
  /** Whether the prompt comes before the generated text. Default false. */
  readonly echo?: boolean | undefined;
  /** How many of the likeliest symbols the details of each symbol name; pieces and samples have them. Default: no details. */
  readonly alternatives?: number | undefined;
  /** Ends the text with the signal's reason as an error. */
  readonly signal?: AbortSignal | undefined;
  /** Told of characters of the prompt that were left out or replaced, and of stop texts that can't come. */
  readonly onNotice?: ((message: string) => void) | undefined;
}

export interface GenerateInput extends WritingInput {
  /** What the model reads first; for a model over bytes it may be any bytes. Default: nothing. */
  readonly prompt?: Content | undefined;
}

export interface GenerateAllInput extends WritingInput {
  /** What the model reads first in each text; an empty text lets the model begin by itself. */
  readonly prompts: readonly Content[];
}

/** `count` samples wanted, by default 1; at most `attempts` drawn to find them, by default 100 for each; each text once if `unique`. */
export interface SamplesInput extends Omit<GenerateInput, 'echo'>, Given<SamplesOptions> {
  /** Samples that stand in this text are left out: as whole lines where `lines` limits them, else anywhere in it. */
  readonly novel?: Content | undefined;
  readonly onProgress?: ((progress: SampleProgress) => void) | undefined;
}

/** What of an input is in the schema of options. */
export function optionsOf(input: WritingInput): Given<GenerateOptions> {
  const { echo: _, alternatives: __, signal: ___, onNotice: ____, ...options } = input;
  return options;
}

/** @throws {OptionError} for a prompt that is no text, or that stands beside a list of them */
export function splitPrompts(input: GenerateInput | GenerateAllInput): {
  prompts: readonly Content[];
  rest: WritingInput;
} {
  if (!('prompts' in input)) {
    const { prompt = '', ...rest } = input;
    checkContent('prompt', prompt);
    return { prompts: [prompt], rest };
  }
  const { prompts, ...rest } = input;
  checkContents('prompts', prompts);
  if ('prompt' in rest) throw new OptionError('prompt', 'it can not be combined with prompts');
  return { prompts, rest };
}
