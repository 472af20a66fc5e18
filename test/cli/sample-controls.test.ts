/** The controls of `char-rnn sample` as a person types them. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { encodeCheckpoint } from '../../src/checkpoint/codec.ts';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { joined, madeCheckpoint } from '../checkpoint/made-checkpoint.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { charRnn, type RunSettings, skipWithoutSignals } from './command.ts';
import { residentCharRnn } from './resident.ts';

const resident = residentCharRnn();

/** A folder with a checkpoint. `start` starts a process, `run` does not. */
function setUp(context: TestContext) {
  const cwd = temporaryFolder(context);
  const vocabulary = new Vocabulary({
    kind: 'character',
    normalize: 'none',
    symbols: [...'\n abcde'],
    hasUnknown: false,
  });
  writeFileSync(join(cwd, 'm.safetensors'), joined(encodeCheckpoint(madeCheckpoint({ vocabulary }))));
  const quiet = ['sample', 'm.safetensors', '-verbose', '0'];
  const start = (words: string[], settings: RunSettings) =>
    charRnn([...quiet, ...words], { cwd, ...settings });
  const run = (words: string[]) => resident([...quiet, ...words], { cwd });
  return { cwd, start, run };
}

test('sampling controls take effect', async (context) => {
  const { run } = setUp(context);
  const all =
    '-top_k 5 -top_p 0.95 -min_p 0.01 -typical_p 0.99 -repetition_penalty 1.1 -presence_penalty 0.1 -frequency_penalty 0.1 -penalty_window 9 -mirostat 2 -temperature_range 0.2';
  const drawn = await run([...all.split(' '), '-ban', '\n', '-bias', 'a=1,b=-1', '-length', '80']);
  assert.match(drawn.stdout, /^[ a-e]{80}\n$/, drawn.stderr);
  assert.match((await run(['-only', 'ab', '-length', '30'])).stdout, /^[ab]{30}\n$/);
  assert.match((await run(['-match', '(ab )+c', '-length', '30'])).stdout, /^(ab )+c\n$/);
  assert.match((await run(['--template', 'a ____ b'])).stdout, /^a \S[^\n ]* b\n$/);
  const best = await run(['-beam', '4', '-length', '12', '-primetext', 'ab']);
  assert.match(best.stdout, /^ab[\n a-e]{12}\n$/);
  const few = await run(['-beam', '3', '-count', '5', '-length', '4']);
  assert.equal(few.code, 1);
  assert.match(
    few.stderr,
    /^found 3 of 5 samples among 3 drawn; the beam holds no more\.\nTry a larger --beam\.$/m,
  );
});

test('stop texts may be typed several times, and are not printed', async (context) => {
  const { run } = setUp(context);
  const whole = (await run(['-length', '300'])).stdout;
  const stopped = (await run(['-length', '300', '-stop', 'ab', '--stop=cd'])).stdout;
  assert.equal(stopped, `${whole.slice(0, whole.search(/ab|cd/))}\n`);
  const line = (await run(['-length', '300', '-stop', '\\n'])).stdout;
  assert.equal(line, `${whole.slice(0, whole.indexOf('\n'))}\n`);
});

test('a line --- separates samples, except one-line samples; --echo 0 omits the prompt', async (context) => {
  const { run } = setUp(context);
  const divided = (await run(['-count', '3', '-length', '4', '-only', 'ab', '-primetext', 'c'])).stdout;
  assert.match(divided, /^c[ab]{4}\n---\nc[ab]{4}\n---\nc[ab]{4}\n$/);
  const names = ['-count', '20', '-lines', '1', '-unique', '-primetext', 'c', '-ban', ' '];
  const lines = (await run([...names, '-echo', '0'])).stdout.split('\n').slice(0, -1);
  assert.equal(lines.length, 20);
  assert.equal(new Set(lines).size, 20);
});

test('--novel leaves out samples that occur in the text; too few samples give a message and exit code 1', async (context) => {
  const { cwd, run } = setUp(context);
  writeFileSync(join(cwd, 'known.txt'), 'a\nb\ncd\n');
  const options = [
    '-count',
    '3',
    '-length',
    '1',
    '-lines',
    '1',
    '-only',
    'abc',
    '-unique',
    '-novel',
    'known.txt',
  ];
  const { code, stdout, stderr } = await run(options);
  assert.equal(stdout, 'c\n');
  assert.equal(code, 1);
  assert.match(
    stderr,
    /found 1 of 3 samples among 300 drawn; the others were repeated or known texts\.\nTry a higher --temperature, or another --seed\.$/m,
  );
  const same = await run(['-count', '2', '-length', '1', '-unique', '-temperature', '0']);
  assert.match(
    same.stderr,
    /found 1 of 2 samples among 200 drawn; the others were repeated texts\.\nTry a higher --temperature\.$/m,
  );
  assert.equal((await run(['-novel', 'nowhere.txt'])).code, 1);
});

test('--seconds limits the time of all samples; too few give a message and exit code 1', async (context) => {
  const { run } = setUp(context);
  const { code, stdout, stderr } = await run(['-count', '10000', '-seconds', '0.3', '-length', '300']);
  assert.match(stdout, /\n---\n/);
  assert.match(
    stderr,
    /^found [\d,]+ of 10,000 samples among [\d,]+ drawn; then the time ran out\.\nGive it more --seconds\.\n$/,
  );
  assert.equal(code, 1);
});

test('--format json: one document with every symbol’s figures', async (context) => {
  const { run } = setUp(context);
  const text = (await run(['-length', '40', '-count', '2', '-primetext', 'ab'])).stdout;
  const { stdout } = await run([
    '-length',
    '40',
    '-count',
    '2',
    '-primetext',
    'ab',
    '-format',
    'json',
    '-alternatives',
    '2',
  ]);
  const { prompt, samples } = JSON.parse(stdout);
  assert.equal(prompt, 'ab');
  assert.equal(samples.length, 2);
  const printed = samples.map((sample: { text: string }) => `ab${sample.text}\n`).join('---\n');
  assert.equal(printed, text);
  for (const { characters, text, ending, seed } of samples) {
    assert.equal(characters.map((item: { text: string }) => item.text).join(''), text);
    assert.equal(ending, 'length');
    assert.ok(Number.isInteger(seed));
    for (const item of characters) {
      assert.ok(item.logProbability < 0 && item.entropy > 0 && item.drawnProbability > 0);
      assert.equal(item.alternatives.length, 2);
      assert.ok(item.alternatives[0].logProbability >= item.logProbability);
    }
  }
});

test('--format jsonl: a line for each symbol as it comes, and one at the end', async (context) => {
  const { run } = setUp(context);
  const { stdout } = await run(['-length', '20', '-format', 'jsonl', '-stop', 'ab']);
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const last = lines.at(-1);
  assert.equal(
    lines
      .slice(0, -1)
      .map(({ text }) => text)
      .join(''),
    last.text,
  );
  assert.ok(['stop', 'length'].includes(last.ending));
});

test('a signal leaves valid JSON, and text that ends with a line end', {
  skip: skipWithoutSignals,
}, async (context) => {
  const { start } = setUp(context);
  // A second signal would end it immediately.
  const onOutput: RunSettings['onOutput'] = (_, child) => child.killed || child.kill('SIGINT');
  const { code, stdout } = await start(['-length', '100000000', '-format', 'json'], { onOutput });
  assert.equal(code, 130);
  assert.equal(JSON.parse(stdout).samples[0].ending, 'interrupted');
  const many = await start(['-count', '10000', '-length', '300'], { onOutput });
  assert.equal(many.code, 130);
  assert.match(many.stdout, /\n$/);
  // Many long ones: the first is printed as it grows, and what it has is kept.
  const long = await start(['-count', '20', '-length', '1000000', '-format', 'json'], { onOutput });
  assert.equal(long.code, 130);
  const [sample, ...others] = JSON.parse(long.stdout).samples;
  assert.deepEqual([sample.ending, others], ['interrupted', []]);
  assert.ok(sample.text.length > 0);
});

test('nothing is printed if options are wrong', async (context) => {
  const { run } = setUp(context);
  const cases: [string[], RegExp][] = [
    [['-match', '(a'], /-match: character 1/],
    [['-format', 'xml'], /-format: got "xml", expected text, json or jsonl/],
    [['-format', 'json', '-top_p', '0'], /-top_p: got 0/],
    [['-bias', 'a'], /-bias: got "a", expected characters/],
    [['-template', 'Dear'], /-template: got "Dear"/],
    [['-beam', '2', '-top_k', '3'], /-top_k: .*beam/],
    [['-match', 'a', '-stop', 'b'], /-stop: .*match/],
  ];
  for (const [words, message] of cases) {
    const { code, stdout, stderr } = await run(words);
    assert.deepEqual([code, stdout], [2, ''], words.join(' '));
    assert.match(stderr, message);
  }
});

test('the help begins with the six flags that are used most, and is short', async (context) => {
  const { run } = setUp(context);
  const { stdout } = await run(['--help']);
  const lines = stdout.split('\n');
  // It may be longer than a screen: on a terminal with fewer rows, the help has one line for each group of rare flags.
  assert.ok(lines.length <= 80, `${lines.length} lines`);
  // Examples are command lines, which begin with the path of the program.
  assert.ok(lines.slice(0, lines.indexOf('Examples:')).every((line) => line.length <= 100));
  const first = lines.slice(lines.indexOf('Most used:') + 1, lines.indexOf('Sampling:'));
  assert.equal(first.length, 6, first.join('\n'));
});
