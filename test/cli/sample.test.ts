import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { encodeCheckpoint } from '../../src/checkpoint/codec.ts';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { joined, madeCheckpoint } from '../checkpoint/made-checkpoint.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { charRnn, type RunSettings, skipWithoutSignals } from './command.ts';
import { residentCharRnn } from './resident.ts';

const resident = residentCharRnn();

/** A folder with a checkpoint over the letters a to e and a space. `start` starts a process, `run` does not. */
function setUp(context: TestContext, kind: 'character' | 'byte' = 'character') {
  const cwd = temporaryFolder(context);
  const symbols = kind === 'byte' ? [...'\n ab\u0080\u00c3'] : [...' abcde'];
  const vocabulary = new Vocabulary({ kind, normalize: 'none', symbols, hasUnknown: false });
  writeFileSync(join(cwd, 'm.safetensors'), joined(encodeCheckpoint(madeCheckpoint({ vocabulary }))));
  const start = (words: string[], settings: RunSettings = {}) =>
    charRnn(['sample', 'm.safetensors', ...words], { cwd, ...settings });
  const run = (words: string[]) => resident(['sample', 'm.safetensors', ...words], { cwd });
  return { cwd, start, run };
}

test('only text on standard output, after the prompt; diagnostics on standard error', async (context) => {
  const { start } = setUp(context);
  const { code, stdout, stderr } = await start(['-primetext', 'abc', '-length', '50']);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^abc[ abcde]{50}\n$/);
  assert.match(stderr, /lstm, 2 layers of 3/);
  const quiet = await start(['-primetext', 'abc', '-length', '50', '-verbose', '0']);
  assert.deepEqual([quiet.stdout, quiet.stderr], [stdout, '']);
});

test('equal seeds give equal texts; --seed random prints its seed', async (context) => {
  const { run } = setUp(context);
  const { stdout, stderr } = await run(['--seed', 'random']);
  const [, seed] = /^seed (\d+)$/m.exec(stderr) ?? [];
  assert.ok(seed, stderr);
  assert.equal((await run(['-seed', seed])).stdout, stdout);
  assert.notEqual((await run([])).stdout, stdout);
});

test('--sample 0 and --temperature 0 always take the most likely symbol', async (context) => {
  const { run } = setUp(context);
  const greedy = (await run(['-sample', '0', '-length', '40'])).stdout;
  assert.equal((await run(['-temperature', '0', '-length', '40', '-seed', '9'])).stdout, greedy);
  const hot = await run(['-temperature', '100', '-length', '40']);
  assert.match(hot.stdout, /^[ abcde]{40}\n$/);
});

test('--prime_file of a file and of standard input', async (context) => {
  const { cwd, start, run } = setUp(context);
  writeFileSync(join(cwd, 'prime.txt'), 'cab');
  const fromFile = (await run(['--prime_file', 'prime.txt', '-length', '20'])).stdout;
  assert.match(fromFile, /^cab/);
  assert.equal((await start(['--prime_file', '-', '-length', '20'], { input: 'cab' })).stdout, fromFile);
  assert.equal((await run(['-primetext', 'cab', '-length', '20'])).stdout, fromFile);
});

test('characters that the model does not know', async (context) => {
  const { run } = setUp(context);
  const refused = await run(['-primetext', 'abX']);
  assert.equal(refused.code, 1);
  assert.equal(refused.stdout, '');
  assert.match(refused.stderr, /character 3, "X" \(U\+0058\)[\s\S]*--unknown/);
  assert.match(
    (await run(['-primetext', 'abX', '--unknown', 'skip', '-length', '1'])).stdout,
    /^ab[ a-e]\n$/,
  );
  assert.match(
    (await run(['-primetext', 'A', '--unknown', 'nearest', '-length', '1'])).stdout,
    /^a[ a-e]\n$/,
  );
});

test('a closed pipe ends it with 0', async (context) => {
  const { start } = setUp(context);
  const { code, stderr } = await start(['-length', '100000000'], {
    onOutput: (_, child) => child.stdout?.destroy(),
  });
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stderr, /Error/);
});

test('SIGINT ends it with 130', {
  skip: skipWithoutSignals,
}, async (context) => {
  const { start } = setUp(context);
  const { code } = await start(['-length', '100000000'], {
    // Once: a second one, as the program ends, would kill it.
    onOutput: (_, child) => child.killed || child.kill('SIGINT'),
  });
  assert.equal(code, 130);
});

test('bytes of the prompt are read and echoed unchanged', async (context) => {
  const { cwd, start } = setUp(context, 'byte');
  writeFileSync(join(cwd, 'prime'), Uint8Array.of(0xc3, 0x80, 0x61));
  const { code, stdout } = await start(['--prime_file', 'prime', '-length', '0']);
  assert.equal(code, 0);
  assert.equal(stdout, '\u00c0a\n');
});

test('bad input', async (context) => {
  const { cwd, run } = setUp(context);
  const bytes = readFileSync(join(cwd, 'm.safetensors'));
  writeFileSync(join(cwd, 'cut.safetensors'), bytes.subarray(0, 900));
  writeFileSync(join(cwd, 'empty.safetensors'), '');
  const cases: [string[], number, RegExp][] = [
    [['sample'], 2, /sample needs a model[\s\S]* sample m\.safetensors$/m],
    [
      ['sample', 'mm.safetensors'],
      1,
      /there is no checkpoint mm\.safetensors\. Did you mean m\.safetensors\?/,
    ],
    [['sample', 'unlike.safetensors'], 1, /unlike\.safetensors\. Found here: m\.safetensors\.$/m],
    [['sample', 'cut.safetensors'], 1, /is cut short/],
    [['sample', 'empty.safetensors'], 1, /is empty/],
    [['sample', 'a', 'b'], 2, /one checkpoint, got 2/],
    [
      ['sample', 'm.safetensors', '-temperature', '-1'],
      2,
      /-temperature: got -1, expected a number of at least 0/,
    ],
    [['sample', 'm.safetensors', '-lenght', '3'], 2, /Did you mean --length\?/],
    [['sample', 'm.safetensors', '-primetext', 'a', '--prime_file', 'x'], 2, /the prompt is given twice/],
    [['sample', 'm.safetensors', '--prime_file', 'nowhere'], 1, /nowhere/],
  ];
  for (const [words, code, message] of cases) {
    const outcome = await resident(words, { cwd });
    assert.equal(outcome.code, code, words.join(' '));
    assert.match(outcome.stderr, message);
    assert.equal(outcome.stdout, '');
  }
  assert.equal((await run(['-length', '1'])).code, 0);
});

test('inspect prints the contents of a checkpoint; --json prints them for programs', async (context) => {
  const { cwd } = setUp(context);
  const plain = await resident(['inspect', 'm.safetensors'], { cwd });
  assert.equal(plain.code, 0, plain.stderr);
  for (const fact of [
    /parameters +\d+/,
    /vocabulary size +6/,
    /^ {2}--batch-size +4$/m,
    /^ {2}--seed +123$/m,
    /2 +3\.800000/,
    /1 +4\.200000/,
  ]) {
    assert.match(plain.stdout, fact);
  }
  assert.doesNotMatch(plain.stdout, /\w_\w/, 'flags are printed as --kebab-case');
  const json = JSON.parse((await resident(['inspect', 'm.safetensors', '--json'], { cwd })).stdout);
  assert.equal(json.vocabulary.size, 6);
  assert.deepEqual(json.training.validationLosses, [{ iteration: 2, loss: 3.8 }]);
  const missing = await resident(['inspect', 'nothing.safetensors'], { cwd });
  assert.equal(missing.code, 1);
});
