/** Reads a whole text into memory, such as a prompt or a list of known names, in the same way as training texts. */
import { TextError } from '../../errors.ts';
import { joinBytes } from '../../util/bytes.ts';
import { formatBytes } from '../../util/format.ts';
import { availableMemory } from '../../util/machine.node.ts';
import type { ReadText } from '../corpus.ts';
import { decodeText, MAX_TEXT, markLength } from '../encoding/decode.ts';
import type { ReadingOptions } from '../encoding/reading.ts';
import { STANDARD_INPUT, saveStandardInput } from '../files/standard-input.node.ts';
import { asStandardInput, findTextFiles, type TextFiles } from '../files/text-files.node.ts';
import { withoutUnreadable } from '../files/unreadable-files.node.ts';
import { withReading } from '../files/with-reading.node.ts';
import { resultOf } from '../preparation.ts';
import { type CountedText, countSymbols } from '../tokens/make-tokens.node.ts';
import { type TextVisitor, textPass } from './text-pass.node.ts';

/**
 * @param path A file, a folder, or `-` for standard input.
 * @throws {TextError} as for a training text; `text-unreadable` for a text that is too large
 */
export async function readWholeText(path: string, options: ReadingOptions): Promise<ReadText> {
  const saved = path === '-' ? await saveStandardInput(availableMemory()) : undefined;
  if (saved && 'bytes' in saved)
    return { name: STANDARD_INPUT, ...decodeText(saved.bytes, STANDARD_INPUT, options) };
  const find = { include: undefined, anyBytes: options.tokens === 'byte' };
  const found = await findTextFiles([saved?.path ?? path], find);
  const text = withReading(saved ? asStandardInput(found) : found, options);
  const countOptions = { ...options, normalize: 'none', unknown: 'error', isFromCheckpoint: false } as const;
  let readable = text;
  let counted: CountedText;
  try {
    counted = await resultOf(countSymbols(text, countOptions));
  } catch (error) {
    readable = await resultOf(withoutUnreadable(text, countOptions, error));
    counted = await resultOf(countSymbols(readable, countOptions));
  }
  const bytes = await bytesOf({ ...readable, files: counted.files }, options);
  const content =
    options.tokens === 'byte' ? bytes : new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  const notices = [...text.notices, ...readable.leftOut.notices(), ...counted.notices];
  return { name: readable.name, content, notices };
}

/** The whole text in UTF-8, without byte order marks, with the separator between files. */
async function bytesOf(text: TextFiles, { tokens, separator }: ReadingOptions): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const visitor: TextVisitor = {
    beginFile: (_name, start) => (tokens === 'byte' ? 0 : markLength(start)),
    add({ bytes }) {
      length += bytes.length;
      if (length > MAX_TEXT) {
        throw new TextError(
          'text-unreadable',
          `${text.name} is larger than ${formatBytes(MAX_TEXT)}, the most that can be read here.`,
        );
      }
      parts.push(bytes.slice());
    },
  };
  const options = { stage: 'reading', separator, wholeCharacters: false, signal: undefined } as const;
  await resultOf(textPass(text, visitor, options));
  return joinBytes(parts);
}
