/** Escapes in prompts that are typed on the command line. */
import type { Vocabulary } from '../../data/vocabulary.ts';
import { readEscapes, unknownEscape } from '../../util/escapes.ts';

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
