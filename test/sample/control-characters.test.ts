/** `ban`, `only` and `bias` name characters as the model draws them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { type ControlOptions, controlsSchema, resolveControls } from '../../src/sample/choice/controls.ts';
import { checkOptions } from '../../src/util/check-options.ts';

const composed = new Vocabulary({
  kind: 'character',
  normalize: 'nfc',
  symbols: ['a', 'u', 'é', 'ü'],
  hasUnknown: false,
});
const bytes = new Vocabulary({
  kind: 'byte',
  normalize: 'none',
  symbols: ['a', 'b', '\u00a8', '\u00a9', '\u00c3', '\u00e9'],
  hasUnknown: false,
});

/** What is added to each symbol's log-probability. */
function biasesOf(vocabulary: Vocabulary, given: Partial<ControlOptions>): Record<string, number> {
  const { logitBias } = resolveControls(vocabulary, checkOptions(controlsSchema, given));
  return Object.fromEntries(vocabulary.symbols.map((symbol, token) => [symbol, logitBias?.[token] ?? 0]));
}

const NEVER = Number.NEGATIVE_INFINITY;
const U = 'u\u0308';

test('a model over composed characters accepts decomposed ones too', () => {
  assert.deepEqual(biasesOf(composed, { ban: U }), { a: 0, u: 0, é: 0, ü: NEVER });
  assert.deepEqual(biasesOf(composed, { only: `a${U}` }), { a: 0, u: NEVER, é: NEVER, ü: 0 });
  assert.deepEqual(biasesOf(composed, { bias: `${U}=2,u=-1` }), { a: 0, u: -1, é: 0, ü: 2 });
  assert.deepEqual(biasesOf(composed, { bias: { [U]: 2, u: -1 } }), { a: 0, u: -1, é: 0, ü: 2 });
});

// Other characters contain the same bytes, so banning or allowing the bytes would ban or allow parts of those.
for (const given of [{ ban: 'é' }, { only: 'aé' }, { bias: 'é=3' }, { bias: 'a=1,é=3' }, { ban: 'aन' }]) {
  test(`a model over bytes rejects ${JSON.stringify(given)}`, () => {
    assert.throws(() => biasesOf(bytes, given), { code: 'option', option: Object.keys(given)[0] });
  });
}

test('a model over bytes accepts ASCII, and bytes by their names in the vocabulary', () => {
  assert.equal(biasesOf(bytes, { ban: 'a' }).a, NEVER);
  assert.equal(biasesOf(bytes, { only: 'ab' })['\u00c3'], NEVER);
  assert.equal(biasesOf(bytes, { bias: { '\u00e9': 3 } })['\u00e9'], 3);
});
