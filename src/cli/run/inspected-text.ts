/** A text for `inspect --units` and `eval --unit`, and the model that reads it. */
import { readWholeText } from '../../data/text/whole-text.node.ts';
import { LanguageModel } from '../../language-model.node.ts';
import type { ModelInput } from '../../language-model.ts';
import { formatCount } from '../../util/format.ts';
import { note } from '../terminal/note.ts';
import { TextOutput } from '../terminal/output.ts';
import { catchSignals } from '../terminal/signals.ts';
import { readingOptionsFor } from './reading-options.ts';

/** More characters than this do not change labels, and can't be read in a terminal. */
const MOST_CHARACTERS = 20_000;

export interface InspectedText {
  readonly name: string;
  readonly content: string | Uint8Array;
}

/** Reads the start of a text for a model. */
export async function inspectedText(
  model: LanguageModel,
  path: string,
  given: { readonly encoding?: string | undefined; readonly field?: string | undefined } = {},
): Promise<InspectedText> {
  const { name, content, notices } = await readWholeText(path, readingOptionsFor(model.checkpoint, given));
  for (const notice of notices) note(notice);
  const end = endOf(content, MOST_CHARACTERS);
  if (end === content.length) return { name, content };
  const what = typeof content === 'string' ? 'characters' : 'bytes';
  note(`only the first ${formatCount(MOST_CHARACTERS)} ${what} of ${name} are read.`);
  return { name, content: typeof content === 'string' ? content.slice(0, end) : content.subarray(0, end) };
}

/** The index after this many characters of a text, or bytes; the whole length if there are fewer. A character can take two UTF-16 units. */
function endOf(content: string | Uint8Array, count: number): number {
  if (typeof content !== 'string') return Math.min(count, content.length);
  let end = 0;
  for (let k = 0; k < count && end < content.length; k++)
    end += (content.codePointAt(end) as number) > 0xffff ? 2 : 1;
  return end;
}

/** A text that the model writes. */
export async function writtenText(model: LanguageModel, signal: AbortSignal): Promise<InspectedText> {
  const pieces: string[] = [];
  for await (const piece of model.generate({ length: MOST_CHARACTERS, seed: 1, signal })) pieces.push(piece);
  return { name: 'a text that the model wrote', content: pieces.join('') };
}

/** Where a command that looks into a model writes, and the signal that ends it. */
export interface InspectionContext {
  readonly output: TextOutput;
  readonly signal: AbortSignal;
}

/**
 * Opens a model, says what had to be changed to read it, and closes it after the work or a signal.
 *
 * @returns the exit code
 */
export async function withModel(
  path: string,
  input: ModelInput,
  work: (model: LanguageModel, context: InspectionContext) => Promise<void>,
): Promise<number> {
  const stopped = catchSignals();
  const { signal } = stopped;
  const output = new TextOutput((code) => stopped.stop(code));
  const model = await LanguageModel.load(path, { ...input, onNotice: note });
  try {
    await work(model, { output, signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    stopped.release();
    await model.close();
  }
  return stopped.exitCode() ?? 0;
}
