/** Escapes in what is typed on the command line: notices, and prompts. */
import type { Vocabulary } from '../../data/vocabulary.ts';
import { readEscapes } from '../../util/escapes.ts';

/** The notice for an unknown escape. @param where The flag as typed, or another name for the place. */
export function unknownEscape(where: string, found: string): string {
  return `${where}: ${found} is not an escape and stays as it is; write \\\\ for a backslash`;
}

/**
 * Reads a prompt from the command line. The original takes prompts literally, which matters for those with backslashes, such as source
 * code. So escapes are replaced only if the model's vocabulary has no backslash: it could not read the prompt otherwise
 * (docs/decisions/escapes.md).
 */
export function readPrompt(
  prompt: string,
  vocabulary: Vocabulary,
  where: string,
): { readonly text: string; readonly notices: readonly string[] } {
  const { text, unknown } = readEscapes(prompt);
  if (vocabulary.tokenOf('\\') === undefined) {
    return { text, notices: unknown.map((found) => unknownEscape(where, found)) };
  }
  if (text === prompt) return { text, notices: [] };
  const notice = `${where}: the model knows the backslash, so backslashes in the prompt stay as they are; for a line end, press Enter between the quotes`;
  return { text: prompt, notices: [notice] };
}
