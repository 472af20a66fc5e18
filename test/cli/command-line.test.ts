/** Command lines in messages: the way the program was started, quoted words, options changed in what was typed. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileWord, wordsWith } from '../../src/cli/arguments/command-line.ts';
import { programName, shellWord } from '../../src/cli/arguments/program-name.ts';
import { evalCommand } from '../../src/cli/commands/eval.ts';
import { sampleCommand } from '../../src/cli/commands/sample.ts';
import { trainCommand } from '../../src/cli/commands/train.ts';

test('the program is named as it was started', () => {
  const cwd = '/home/ann/texts';
  const started = (script: string, env: Record<string, string> = {}) => programName({ script, env, cwd });
  assert.equal(started('/usr/local/bin/char-rnn'), 'char-rnn');
  assert.equal(started('/usr/local/bin/char-rnn-ts'), 'char-rnn-ts');
  const npx = { npm_command: 'exec' };
  assert.equal(started('/home/ann/.npm/_npx/1/node_modules/.bin/char-rnn-ts', npx), 'npx char-rnn-ts');
  assert.equal(started('/home/ann/texts/node_modules/.bin/char-rnn', npx), 'npx char-rnn');
  assert.equal(started('/home/ann/texts/dist/cli/main.js'), 'node dist/cli/main.js');
  assert.equal(started('/opt/my rnn/dist/cli/main.js'), "node '/opt/my rnn/dist/cli/main.js'");
});

test('a quoted word comes out of the shell unchanged', () => {
  const words = [
    'plain.txt',
    'my book.txt',
    "it's",
    '$HOME `x` "y"',
    'a\nb',
    '*',
    '',
    '!x',
    'é',
    '~',
    '#1',
    'a;b',
  ];
  for (const word of words) {
    const printed = execFileSync('/bin/sh', ['-c', `printf %s ${shellWord(word, 'linux')}`], {
      encoding: 'utf8',
    });
    assert.equal(printed, word);
  }
  assert.equal(shellWord('my book.txt', 'win32'), '"my book.txt"');
  assert.equal(fileWord('-x.txt'), './-x.txt');
  assert.equal(fileWord('-'), '-');
});

test('options are changed in a typed command line', () => {
  const train = (words: string[], set: Record<string, string | number | boolean | undefined>) =>
    wordsWith(words, trainCommand, set);
  assert.deepEqual(train(['a.txt', '-rnn_size', '9'], { tokens: 'byte' }), [
    'a.txt',
    '-rnn_size',
    '9',
    '--tokens',
    'byte',
  ]);
  assert.deepEqual(train(['--tokens=byte', 'a.txt'], { tokens: 'character' }), [
    'a.txt',
    '--tokens',
    'character',
  ]);
  assert.deepEqual(train(['-seed', '-1', 'a.txt'], { seed: undefined }), ['a.txt']);
  assert.deepEqual(train(['--fit', 'a.txt', '--resume', '--', '-b.txt'], { fit: undefined, batchSize: 4 }), [
    ...['a.txt', '--resume', '--batch-size', '4', '--', '-b.txt'],
  ]);
  assert.equal(wordsWith(['m'], sampleCommand, { hiddenSize: 4 }), undefined);
});

test('a config file stays if it sets none of the removed options', () => {
  const config = { values: { hiddenSize: 16, separator: '\n\\', strict: false }, words: ['/a.txt'] };
  const train = (words: string, set: Parameters<typeof wordsWith>[2]) =>
    wordsWith(words.split(' '), { ...trainCommand, config }, set)?.join(' ');
  const unset = { preset: undefined, time: undefined };
  assert.equal(train('--config run.json --preset best', unset), '--config run.json');
  assert.equal(
    train('--preset best --config=run.json', { ...unset, layers: 1 }),
    '--config=run.json --num-layers 1',
  );
  assert.equal(train('--config run.json', { hiddenSize: 8 }), '--config run.json --rnn-size 8');
  assert.equal(train('--config run.json', { textFile: 'b.txt' }), 'b.txt --config run.json');
});

test('if a config file sets a removed option, its text and its other options are written out', () => {
  const config = {
    values: { hiddenSize: 16, separator: '\n\\', strict: false, layers: 1 },
    words: ['/a.txt', '/b.txt'],
  };
  const train = (words: string, set: Parameters<typeof wordsWith>[2]) =>
    wordsWith(words.split(' '), { ...trainCommand, config }, set)?.join(' ');
  const rest = '--strict=false --separator \\n\\\\';
  assert.equal(
    train('--config run.json -seed 3', { hiddenSize: undefined }),
    `/a.txt /b.txt ${rest} --num-layers 1 -seed 3`,
  );
  // The value in the file would return if only the flag went.
  assert.equal(
    train('c.txt -rnn_size 8 --config=run.json --layers 2', { hiddenSize: undefined }),
    `${rest} c.txt --layers 2`,
  );
  assert.equal(
    train('--config run.json', { hiddenSize: undefined, textFile: 'd.txt' }),
    `d.txt ${rest} --num-layers 1`,
  );
});

test('new texts replace the typed ones', () => {
  const train = (words: string[], textFile: string | string[]) =>
    wordsWith(words, trainCommand, { textFile })?.join(' ');
  assert.equal(train(['--resume', '-max_iterations', '3'], 'b.txt'), 'b.txt --resume -max_iterations 3');
  assert.equal(train(['a.txt', '--fit', 'c.txt'], ['b.txt', '-d.txt']), 'b.txt ./-d.txt --fit');
  assert.equal(train(['--fit', '--', '-a.txt'], 'b.txt'), 'b.txt --fit --');
  const evaluate = (words: string[]) =>
    wordsWith(words, evalCommand, { textFile: 'b.txt', part: 'val' })?.join(' ');
  assert.equal(evaluate(['m.safetensors']), 'm.safetensors b.txt --part val');
  assert.equal(evaluate(['--json', 'm', 'a.txt', '--part', 'train']), '--json m b.txt --part val');
  assert.equal(wordsWith(['m'], sampleCommand, { textFile: 'b.txt' }), undefined);
});
