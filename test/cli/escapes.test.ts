/** Escapes are the same for every flag that takes characters. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseArguments } from '../../src/cli/arguments/arguments.ts';
import { readPrompt } from '../../src/cli/arguments/escapes.ts';
import { commands } from '../../src/cli/commands/index.ts';
import { sampleCommand } from '../../src/cli/commands/sample.ts';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { readEscapes, writeEscapes } from '../../src/util/escapes.ts';

test('escapes become characters; unknown ones stay and are named', () => {
  assert.deepEqual(readEscapes(String.raw`a\nb\t\r\f\\n`), { text: 'a\nb\t\r\f\\n', unknown: [] });
  assert.equal(readEscapes(String.raw`\x41\u00e9\u{1F600}\ud83d\ude00`).text, 'Aé😀😀');
  for (const odd of [String.raw`\d`, String.raw`\x4`, String.raw`\u12`, String.raw`\u{110000}`, '\\']) {
    const { text, unknown } = readEscapes(odd);
    assert.deepEqual([text, unknown.length], [odd, 1], odd);
  }
  assert.equal(readEscapes(String.raw`\ud800`).text, String.raw`\ud800`);
});

test('every flag that takes characters replaces escapes, and names unknown ones', () => {
  let seen = 0;
  for (const { flags } of commands) {
    for (const flag of flags.filter(({ info }) => info.escapes)) {
      seen++;
      const { values, notices } = parseArguments([`-${flag.info.flag}`, String.raw`\n\q`], flags);
      assert.deepEqual([values[flag.key]].flat(), ['\n\\q']);
      assert.deepEqual(notices.length, 1);
    }
  }
  assert.ok(seen >= 8);
  // A regular expression has escapes itself.
  assert.equal(
    parseArguments(['-match', String.raw`\n\d`], sampleCommand.flags).values.match,
    String.raw`\n\d`,
  );
});

test('a prompt keeps its backslashes if the model knows them, with a notice', () => {
  const knowing = (symbols: string) =>
    new Vocabulary({ kind: 'character', normalize: 'none', symbols: [...symbols], hasUnknown: false });
  const [plain, latex] = [knowing('\nab'), knowing('\n\\ab')];
  const read = (text: string, vocabulary: Vocabulary) => readPrompt(text, vocabulary, 'the prompt');
  assert.deepEqual(read(String.raw`a\nb`, plain), { text: 'a\nb', notices: [] });
  const kept = read(String.raw`\newline`, latex);
  assert.equal(kept.text, String.raw`\newline`);
  assert.match(kept.notices.join(), /backslashes in the prompt stay/);
  assert.deepEqual(read(String.raw`\begin`, latex), { text: String.raw`\begin`, notices: [] });
  assert.match(read(String.raw`\q`, plain).notices.join(), /not an escape/);
});

test('a text written with escapes is read back unchanged', () => {
  for (const text of ['\n---\n', 'a\\nb', '\\', '\t\r\f', 'é "x"']) {
    assert.deepEqual(readEscapes(writeEscapes(text)), { text, unknown: [] });
  }
  assert.equal(writeEscapes('\n\\'), '\\n\\\\');
});
