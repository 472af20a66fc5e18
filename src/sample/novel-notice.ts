/** The notice for a text to leave out that contains nothing the model could write. */
import { segment } from '../data/symbols/tokenizer.ts';
import type { Vocabulary } from '../data/vocabulary.ts';

/** Lines that are looked at; in the model's own text the first line is enough. */
const MAX_LINES = 100_000;

/** @returns a line, or undefined where the text can leave something out */
export function novelNotice(vocabulary: Vocabulary, text: string): string | undefined {
  const lines = text
    .split(/\r\n|\r|\n/, MAX_LINES)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (lines.length === 0) return 'the text to leave out is empty: every sample counts as new';
  if (lines.some((line) => canWrite(vocabulary, line))) return undefined;
  return "no line of the text to leave out can be written with the model's characters: every sample counts as new";
}

function canWrite(vocabulary: Vocabulary, line: string): boolean {
  for (const symbol of segment(vocabulary.normalized(line), vocabulary.kind)) {
    if (vocabulary.tokenOf(symbol) === undefined) return false;
  }
  return true;
}
