/** The notices of `--vocab` about a model's vocabulary and a text's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adaptationNotices } from '../../src/data/adapt-vocabulary.ts';
import { Vocabulary } from '../../src/data/vocabulary.ts';

const made = (symbols: string, hasUnknown = false) =>
  new Vocabulary({ kind: 'character', normalize: 'none', symbols: [...symbols], hasUnknown });

test('does not call symbols missing if --min-count left them out: they may be in the text', () => {
  const known = made('abcd');
  assert.deepEqual(adaptationNotices(known, made('abe', true), 'extend'), [
    "`initVocabulary` extend: 2 of the checkpoint's 4 characters are frequent enough in the text",
    '1 new to the model, initialised from the seed: "e"',
    '2 not in the text or too rare in it, kept as they are: "c" "d"',
  ]);
  assert.match(
    adaptationNotices(known, made('ab', true), 'match')[1] ?? '',
    /^2 not in the text or too rare in it, dropped from the model: "c" "d"$/,
  );
  assert.deepEqual(adaptationNotices(known, made('ab'), 'match'), [
    "`initVocabulary` match: 2 of the checkpoint's 4 characters are in the text",
    '2 not in the text, dropped from the model: "c" "d"',
  ]);
});
