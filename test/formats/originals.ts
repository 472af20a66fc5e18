/** Models trained by the original programs, with their predictions, which exports must reproduce. */
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { openCheckpoint } from '../../src/formats/open.ts';
import { allFixtures, fixtureFile, fixtureNumbers } from './torch7/fixtures.ts';

export interface Original {
  readonly name: string;
  readonly checkpoint: Checkpoint;
  readonly tokens: readonly number[];
  /** log p after each token as computed by the original, [T, V]. */
  readonly expected: readonly number[];
}

export function originals(): Original[] {
  return allFixtures.map((name) => {
    const checkpoint = openCheckpoint(fixtureFile(name), name);
    const { text, vocab_bytes: bytes, logprobs } = fixtureNumbers(name);
    const tokenOf = (byte: number) => checkpoint.vocabulary.tokenOf(String.fromCharCode(byte)) as number;
    const expected = logprobs.flatMap((row) => {
      const ordered = new Array<number>(row.length);
      row.forEach((value, column) => {
        ordered[tokenOf(bytes[column] as number)] = value;
      });
      return ordered;
    });
    return { name, checkpoint, tokens: Array.from(Buffer.from(text), tokenOf), expected };
  });
}
