/** `inspect --units` and `eval --unit` from the command line. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeCheckpoint } from '../../src/checkpoint/codec.ts';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { joinBytes } from '../../src/util/bytes.ts';
import { madeCheckpoint } from '../checkpoint/made-checkpoint.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { charRnn } from './command.ts';

const vocabulary = new Vocabulary({
  kind: 'character',
  normalize: 'none',
  symbols: [...'\n "abc'],
  hasUnknown: false,
});

/** The characters of a terminal with the codes of their colours: foreground, then background. */
function cellsOf(painted: string): [symbol: string, style: string][] {
  let [foreground, background] = ['39', '49'];
  const cells: [string, string][] = [];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes
  for (const [, code, symbol] of painted.matchAll(/\x1b\[(\d+)m|([^\x1b])/gu)) {
    if (symbol !== undefined) cells.push([symbol, `${foreground} ${background}`]);
    else if (/^(3|9)\d$/.test(code as string)) foreground = code as string;
    else background = code as string;
  }
  return cells;
}

/** White on red from 0.6 on, red from 0.2, blue below −0.2, white on blue below −0.6. Line ends have no colour. */
function styleOf(symbol: string, value: number): string {
  if (symbol === '\n') return '39 49';
  if (value >= 0.6) return '37 41';
  if (value >= 0.2) return '31 49';
  if (value >= -0.2) return '39 49';
  return value >= -0.6 ? '34 49' : '37 44';
}

test('units are listed on a text or on one that the model writes, as a table or as JSON', async (context) => {
  const cwd = temporaryFolder(context);
  const checkpoint = madeCheckpoint({ vocabulary, cell: 'gru', hiddenSize: 8 });
  // Large weights, so that units follow the last symbol much more than those of the original's initial weights.
  const parameters = checkpoint.parameters.map((value) => 4 * value);
  writeFileSync(join(cwd, 'model.safetensors'), joinBytes(encodeCheckpoint({ ...checkpoint, parameters })));
  writeFileSync(join(cwd, 'text.txt'), 'ab "ca b"\nabc ba a\n'.repeat(30));
  const run = (...words: readonly string[]) => charRnn([...words], { cwd });

  const table = await run('inspect', 'model.safetensors', '--units', 'text.txt');
  assert.equal(table.code, 0, table.stderr);
  assert.match(table.stdout, /^units that track something in text\.txt \(570 symbols\)$/m);
  assert.match(table.stdout, /^ {2}unit +tracks +r {2}before training$/m);
  const [, unit] = /eval model\.safetensors text\.txt --unit ([12]\.\d)$/m.exec(table.stdout) ?? [];
  assert.ok(unit);
  assert.match(table.stdout, new RegExp(`^  ${unit} +[a-z( )]+ +[+−]\\d\\.\\d\\d  \\d\\.\\d\\d$`, 'm'));

  const written = await run('inspect', 'model.safetensors', '--units', '--json');
  assert.equal(written.code, 0, written.stderr);
  const { text, units } = JSON.parse(written.stdout);
  assert.equal(text, 'a text that the model wrote');
  assert.equal(units.length, 16);

  const styles = new Set<string>();
  for (const name of [`${unit}.z`, '1.1.n', '2.3']) {
    const [, own, part = 'h'] = /^(\d\.\d)(?:\.(\w))?$/.exec(name) ?? [];
    const env = { ...process.env, FORCE_COLOR: '1' } as Record<string, string>;
    const painted = await charRnn(['eval', 'model.safetensors', 'text.txt', '--unit', name], { cwd, env });
    assert.equal(painted.code, 0, painted.stderr);
    const recorded = await run('eval', 'model.safetensors', 'text.txt', '--unit', name, '--json');
    const { symbols, values } = JSON.parse(recorded.stdout);
    assert.equal(symbols.join(''), 'ab "ca b"\nabc ba a\n'.repeat(30));
    const [shown = '', legend = ''] = painted.stdout.split('\n\n');
    const expected = symbols.map((symbol: string, t: number) => [symbol, styleOf(symbol, values[t])]);
    assert.deepEqual(cellsOf(`${shown}\n`), expected);
    for (const [, style] of expected) styles.add(style);
    const cells = cellsOf(legend).filter(([symbol]) => symbol !== '\n');
    const words = cells.map(([symbol]) => symbol).join('');
    assert.equal(words, `${part} of unit ${own}: 0.6 and more, 0.2, −0.2, −0.6, less`);
    // Each of these has the colour that it explains.
    for (const [level, value] of Object.entries({
      '0.6 and more': 0.6,
      '0.2': 0.2,
      '−0.2': 0,
      '−0.6': -0.5,
      less: -1,
    }))
      for (const cell of cells.slice(words.indexOf(level), words.indexOf(level) + level.length))
        assert.equal(cell[1], styleOf(cell[0], value), level);
  }
  assert.equal(styles.size, 5, 'values of all levels');
  const values = JSON.parse(
    (await run('eval', 'model.safetensors', 'text.txt', '--unit', '2.3', '--json')).stdout,
  );
  assert.equal(values.values.length, 570);
  assert.equal(values.part, 'h');
});

test('a text is cut after characters, not after their UTF-16 units; one that is too short gives no labels', async (context) => {
  const cwd = temporaryFolder(context);
  const whales = new Vocabulary({
    kind: 'character',
    normalize: 'none',
    symbols: ['\n', 'a', '🐋'],
    hasUnknown: false,
  });
  const checkpoint = madeCheckpoint({ vocabulary: whales, cell: 'gru', hiddenSize: 4 });
  writeFileSync(join(cwd, 'model.safetensors'), joinBytes(encodeCheckpoint(checkpoint)));
  const inspected = async (text: string, ...words: readonly string[]) => {
    writeFileSync(join(cwd, 'text.txt'), text);
    return charRnn(['inspect', 'model.safetensors', '--units', 'text.txt', ...words], { cwd });
  };
  // 20,001 UTF-16 units begin with a character of one unit, so that the cut would split a whale.
  const long = await inspected(`a${'🐋'.repeat(20_000)}`, '--json');
  assert.equal(JSON.parse(long.stdout).symbols, 20_000, long.stderr);
  assert.match(long.stderr, /only the first 20,000 characters of text\.txt are read/);
  const whole = await inspected('🐋'.repeat(20_000), '--json');
  assert.deepEqual([JSON.parse(whole.stdout).symbols, whole.stderr], [20_000, '']);
  const short = await inspected('aa🐋\n'.repeat(100));
  assert.match(short.stdout.replaceAll('\n', ' '), /^text\.txt has 400 symbols, expected at least 500: /);
  assert.equal(short.code, 0, short.stderr);
});

test('a unit that does not exist, a missing text and flags of a score are errors', async (context) => {
  const cwd = temporaryFolder(context);
  writeFileSync(
    join(cwd, 'model.safetensors'),
    joinBytes(encodeCheckpoint(madeCheckpoint({ vocabulary, hiddenSize: 8 }))),
  );
  writeFileSync(join(cwd, 'text.txt'), 'abc');
  for (const [words, expected] of [
    [
      ['text.txt', '--unit', '3.1'],
      /--unit: got "3\.1", expected LAYER\.UNIT from 1\.1 to 2\.8, or with a part: 2\.8\.g/,
    ],
    [['text.txt', '--unit', '1.2.z'], /got "1\.2\.z"/],
    [['text.txt', '--unit', '1'], /got "1"/],
    [['--unit', '1.1'], /--unit needs a text\./],
    [['text.txt', '--unit', '1.1', '--surprise'], /--unit colours a text and --surprise is about its score/],
    [['text.txt', '--unit', '1.1', '--rows', '4'], /--unit colours a text and --rows is about its score/],
    [['text.txt', '--unit', '1.1', '--temperature', '0.5'], /--temperature is about its score/],
    [['text.txt', '--unit', '1.1', '--separator', 'b'], /--separator is about its score/],
    [
      ['text.txt', '--unit', '1.1', '--quantize', 'int8'],
      /--unit computes with floats: leave out --quantize int8/,
    ],
    [['none.txt', '--unit', '1.1'], /none\.txt/],
  ] as const) {
    const { code, stdout, stderr } = await charRnn(['eval', 'model.safetensors', ...words], { cwd });
    assert.notEqual(code, 0, words.join(' '));
    assert.match(stderr, expected);
    assert.equal(stdout, '');
  }
});

test('sample holds units, and names the units, parts and values that there are', async (context) => {
  const cwd = temporaryFolder(context);
  const checkpoint = madeCheckpoint({ vocabulary, hiddenSize: 8 });
  const parameters = checkpoint.parameters.map((value) => 4 * value);
  writeFileSync(join(cwd, 'model.safetensors'), joinBytes(encodeCheckpoint({ ...checkpoint, parameters })));
  const sample = (...words: readonly string[]) =>
    charRnn(['sample', 'model.safetensors', '--length', '200', '--seed', '4', ...words], { cwd });
  const free = await sample();
  const held = await sample('--hold', '2.3=1,1.8.c=-5', '--hold', '2.8.c=4');
  assert.equal(held.code, 0, held.stderr);
  assert.notEqual(held.stdout, free.stdout);
  assert.equal((await sample('--hold=2.8.c=4, 2.3=1', '--hold', '1.8.c=-5')).stdout, held.stdout);
  for (const [words, message] of [
    ['2.9=1', '--hold: got unit 2.9, expected one from 1.1 to 2.8'],
    ['2.1.i=1', '--hold: got i of unit 2.1, expected h or c, the parts of the lstm state'],
    ['2.1=1e9', '--hold: got 1000000000 for unit 2.1, expected a number from -1000 to 1000'],
    ['2.1', '--hold: got "2.1", expected LAYER.UNIT=VALUE, such as 2.108=0.9, or LAYER.UNIT.c=VALUE'],
  ] as const) {
    const { code, stdout, stderr } = await sample('--hold', words);
    assert.equal(code, 2, words);
    assert.ok(stderr.includes(message), stderr);
    assert.equal(stdout, '');
  }
});
