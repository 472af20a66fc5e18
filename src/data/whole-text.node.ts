/** A text as a whole in memory: a prompt, a list of what is known. It is read as the texts of a training are. */
import { TextError } from '../errors.ts';
import { formatBytes } from '../util/format-number.ts';
import { joinBytes } from '../util/join-bytes.ts';
import { availableMemory } from '../util/memory.node.ts';
import { decodeText, markLength } from './decode.ts';
import { surveyText } from './prepare.node.ts';
import { prepared } from './preparing.ts';
import type { ReadingOptions } from './reading.ts';
import { keepStandardInput, STANDARD_INPUT } from './standard-input.node.ts';
import { findTextFiles, type TextFiles } from './text-files.node.ts';
import { type TextVisitor, textPass } from './text-pass.node.ts';
import type { Content } from './tokenizer.ts';
import { withoutUnreadable } from './unreadable-files.node.ts';
import { withReading } from './with-reading.node.ts';

/** Bytes that a text may have here: a string can hold no more. */
const MAX_BYTES = 500e6;

export interface WholeText {
  /** What to call it in messages. */
  readonly name: string;
  /** Bytes where tokens are bytes, else a string; not normalised. */
  readonly content: Content;
  /** What was dropped, found or left out, in a line each. */
  readonly notices: readonly string[];
}

/**
 * @param path A file, a folder, or `-` for standard input.
 * @throws {TextError} as for a text to train on; `text-unreadable` for one that is too large
 */
export async function readWholeText(path: string, options: ReadingOptions): Promise<WholeText> {
  const kept = path === '-' ? await keepStandardInput(availableMemory()) : undefined;
  if (kept && 'bytes' in kept)
    return { name: STANDARD_INPUT, ...decodeText(kept.bytes, STANDARD_INPUT, options) };
  const find = { include: undefined, anyBytes: options.tokens === 'byte' };
  const found = withReading(await findTextFiles([kept?.path ?? path], find), options);
  const text = kept ? { ...found, name: STANDARD_INPUT } : found;
  const survey = { ...options, normalize: 'none', unknown: 'error', isOfCheckpoint: false } as const;
  const notices = [...text.notices];
  let files: TextFiles = text;
  try {
    const surveyed = await prepared(surveyText(text, survey));
    files = { ...text, files: surveyed.files };
    notices.push(...text.leftOut.notices(), ...surveyed.notices);
  } catch (error) {
    const readable = await prepared(withoutUnreadable(text, survey, error));
    const surveyed = await prepared(surveyText(readable, survey));
    files = { ...readable, files: surveyed.files };
    notices.push(...readable.leftOut.notices(), ...surveyed.notices);
  }
  const bytes = await bytesOf(files, options);
  const content =
    options.tokens === 'byte' ? bytes : new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  return { name: files.name, content, notices };
}

/** All of a text, in UTF-8, without byte order marks. */
async function bytesOf(text: TextFiles, { tokens }: ReadingOptions): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const visitor: TextVisitor = {
    beginFile: (_name, start) => (tokens === 'byte' ? 0 : markLength(start)),
    add({ bytes }) {
      length += bytes.length;
      if (length > MAX_BYTES) {
        throw new TextError(
          'text-unreadable',
          `${text.name} is larger than ${formatBytes(MAX_BYTES)}, the most that can be read here.`,
        );
      }
      parts.push(bytes.slice());
    },
  };
  const options = {
    stage: 'reading',
    separator: undefined,
    wholeCharacters: false,
    signal: undefined,
  } as const;
  await prepared(textPass(text, visitor, options));
  return joinBytes(parts);
}
