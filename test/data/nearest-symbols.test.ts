/** The nearest known symbols of one that a model does not know. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearestKnown } from '../../src/data/symbols/nearest-symbols.ts';
import { Vocabulary } from '../../src/data/vocabulary.ts';

const knowing = (symbols: string) =>
  new Vocabulary({ kind: 'character', normalize: 'none', symbols: [...symbols], hasUnknown: false });

test('marks, cases and typographic characters, in both directions', () => {
  for (const [known, symbol, nearest] of [
    ['e', 'é', 'e'],
    ['E', 'é', 'E'],
    ["'", '’', "'"],
    ['‘’', "'", '’'],
    ['‘', "'", '‘'],
    ['“”', '"', '”'],
    ['“', '"', '“'],
    ['–—', '-', '–'],
    ['-', '—', '-'],
    ["'’", 'ß', undefined],
    ['abc', "'", undefined],
  ] as const)
    assert.equal(nearestKnown(knowing(known), symbol)?.join(''), nearest, `${symbol} among ${known}`);
});
