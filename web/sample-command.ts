/** The command line that writes the same text as a page. */
import { writeEscapes } from '../src/util/escapes.ts';
import { isExample, model } from './session.ts';
import { printed, quoted, quotedFile } from './shell-words.ts';

export interface SampleCommand {
  /** The settings as flags, quoted for a shell. */
  readonly flags: readonly string[];
  /** Bytes, for a model over bytes, if they are no text: a file, here standard input, can have any. */
  readonly prompt: string | Uint8Array;
  /** Whether characters of the prompt were left out because the model does not know them, which the command has to allow. */
  readonly leavesOut: boolean;
}

/** A `sample` command for the open model. */
export function sampleCommand({ flags, prompt, leavesOut }: SampleCommand): string {
  const { value } = model;
  // Without a checkpoint, the program uses the example model.
  const file = isExample.value ? [] : [quotedFile(value?.name ?? '')];
  const weights = value?.quantize ? ['--quantize', value.quantize] : [];
  const unknown = leavesOut ? ['--unknown', 'nearest'] : [];
  const command = ['npx char-rnn sample', ...file, ...weights, ...flags, ...unknown];
  if (typeof prompt !== 'string') return [printed(prompt), '|', ...command, '--prime-file', '-'].join(' ');
  const typed = value?.hasBackslash ? prompt : writeEscapes(prompt);
  const primetext = prompt === '' ? [] : ['--primetext', quoted(typed)];
  return [...command, ...primetext].join(' ');
}
