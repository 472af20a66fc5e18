import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { temporaryFolder } from '../temporary-folder.ts';
import { charRnn, program, type RunSettings, skipWithoutSignals } from './command.ts';
import { residentCharRnn } from './resident.ts';

const text = 'the harbour wall stood in the rain, and the keeper walked along it.\n'.repeat(40);
const small = ['-rnn_size', '12', '-num_layers', '1', '-batch_size', '4', '-seq_length', '10'];
const LINE =
  /^\d+\/\d+ \(epoch \d+\.\d{3}\), train_loss = \d\.\d{8}, grad\/param norm = \d\.\d{4}e[-+]\d\d, time\/batch = \d+\.\d{4}s$/;

const resident = residentCharRnn();

/** A folder with a text, where the program runs: `start` starts a process for it, `run` does not. */
function setUp(context: TestContext) {
  const cwd = temporaryFolder(context);
  writeFileSync(join(cwd, 'book.txt'), text);
  const env = { XDG_CACHE_HOME: join(cwd, 'cache') };
  const start = (words: string[], settings: RunSettings = {}) =>
    charRnn(['train', ...words], { cwd, env, ...settings });
  const run = (words: string[]) => resident(['train', ...words], { cwd, env });
  const checkpoints = () =>
    readdirSync(join(cwd, 'cv'))
      .filter((name) => name.startsWith('lm_'))
      .sort();
  return { cwd, start, run, checkpoints };
}

test("prints what the original prints, and a checkpoint named as the original's", async (context) => {
  const { start, checkpoints } = setUp(context);
  const { code, stdout, stderr } = await start([
    'book.txt',
    ...small,
    '--max_iterations',
    '4',
    '-eval_val_every',
    '3',
  ]);
  assert.equal(code, 0, stderr);
  const lines = stdout.trimEnd().split('\n');
  assert.ok(lines.includes('vocab size: 21'), stdout);
  assert.ok(lines.includes('number of data batches in train: 64, val: 4, test: 0'), stdout);
  assert.ok(lines.includes('number of parameters in the model: 1953'), stdout);
  assert.equal(lines.filter((line) => LINE.test(line)).length, 4);
  const [evaluated, last] = checkpoints();
  assert.match(evaluated ?? '', /^lm_lstm_epoch0\.05_\d\.\d{4}\.safetensors$/);
  assert.equal(last, 'lm_lstm_epoch0.06_i4.safetensors');
  assert.match(stderr, / sample cv\/best\.safetensors/);
});

test('a folder, standard input, -data_dir; -print_every', async (context) => {
  const { cwd, start, run } = setUp(context);
  mkdirSync(join(cwd, 'folder'));
  writeFileSync(join(cwd, 'folder', 'input.txt'), text);
  const rest = [...small, '--max_iterations', '4', '-print_every', '2'];
  const runs = [
    await run(['folder', ...rest]),
    await run(['-data_dir', 'folder', ...rest]),
    await start(['-', ...rest], { input: text }),
  ];
  const losses = runs.map(({ stdout }) =>
    stdout
      .split('\n')
      .filter((line) => LINE.test(line))
      .map((line) => line.slice(0, 60)),
  );
  assert.equal(losses[0]?.length, 2);
  assert.deepEqual(losses[1], losses[0]);
  assert.deepEqual(losses[2], losses[0]);
  const kept = readdirSync(join(cwd, 'cache'), { recursive: true }).map(String);
  assert.ok(
    kept.some((name) => /texts.[0-9a-f]{32}.input\.txt$/.test(name)),
    kept.join('\n'),
  );
});

for (const [name, expected] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`${name} finishes the iteration, saves, and exits with ${expected}`, {
    skip: skipWithoutSignals,
  }, async (context) => {
    const { start, checkpoints } = setUp(context);
    let sent = false;
    const endless = ['-max_epochs', '1000000', '-eval_val_every', '100000000'];
    const { code, stdout } = await start(['book.txt', ...small, ...endless], {
      onOutput(soFar, child) {
        if (sent || !soFar.includes('\n3/')) return;
        sent = child.kill(name);
      },
    });
    assert.equal(code, expected);
    const last = stdout
      .split('\n')
      .filter((line) => LINE.test(line))
      .at(-1)
      ?.split('/')[0];
    assert.equal(checkpoints().length, 1);
    assert.ok(checkpoints()[0]?.endsWith(`_i${last}.safetensors`), `${checkpoints()} after ${last}`);
  });
}

test('a closed pipe: the model is saved, exit 0', async (context) => {
  const { start, checkpoints } = setUp(context);
  const { code, stderr } = await start(['book.txt', ...small, '--max_iterations', '100000'], {
    onOutput(soFar, child) {
      if (soFar.includes('\n3/')) child.stdout?.destroy();
    },
  });
  assert.equal(code, 0, stderr);
  assert.match(checkpoints().join(), /_i\d+\.safetensors$/);
  assert.match(stderr, /^standard output was closed: stopping after this iteration …$/m);
});

test('a pipe that is closed before the first iteration: the program says that nothing was saved', async (context) => {
  const { start, checkpoints } = setUp(context);
  const { code, stderr } = await start(['book.txt', ...small, '--max_iterations', '100000'], {
    onOutput(soFar, child) {
      if (soFar.includes('text:')) child.stdout?.destroy();
    },
  });
  assert.equal(code, 0, stderr);
  const saved = checkpoints();
  if (saved.length === 0) assert.match(stderr, /^stopped before the first iteration: nothing was saved$/m);
  else assert.match(stderr, /^trained \d+ iteration/m);
});

test('Ctrl-C that also ends the reader of the pipe: the model is saved', {
  skip: skipWithoutSignals,
}, async (context) => {
  const { start, checkpoints } = setUp(context);
  const { code } = await start(['book.txt', ...small, '--max_iterations', '100000'], {
    onOutput(soFar, child) {
      if (!soFar.includes('\n3/')) return;
      child.stdout?.destroy();
      child.stderr?.destroy();
      setTimeout(() => child.kill('SIGINT'), 1);
    },
  });
  assert.ok(code === 130 || code === 0, `${code}`);
  assert.match(checkpoints().join(), /^lm_lstm_epoch[\d.]+_i\d+\.safetensors$/);
});

test('bytes, graphemes, an unknown symbol, held-out files, --fit', async (context) => {
  const { cwd, run } = setUp(context);
  writeFileSync(
    join(cwd, 'bytes'),
    Buffer.alloc(4000).map((_, index) => (index * index) % 251),
  );
  writeFileSync(join(cwd, 'valid.txt'), text.slice(0, 300));
  writeFileSync(join(cwd, 'tiny.txt'), text.slice(0, 400));
  const one = ['--max_iterations', '1', '-rnn_size', '8'];
  for (const [words, expected] of [
    [['bytes', '--tokens', 'byte', ...small], /vocab size: \d+/],
    [['book.txt', '--tokens', 'grapheme', ...small], /vocab size: 21/],
    [['book.txt', '--min_count', '41', ...small], /vocab size: \d+/],
    [['book.txt', '--valid', 'valid.txt', ...small], /train: 68, val: 7, test: 0/],
    [['tiny.txt', '--fit'], /--fit: --batch-size \d+, --seq-length \d+/],
  ] as const) {
    const { code, stdout, stderr } = await run([...words, ...one]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, expected);
  }
});

/** [what, words, exit code, what standard error says]; the files are made in the test. */
const bad: [string, string[], number, RegExp][] = [
  [
    'an option that was not given',
    ['train', 'short.txt', '--average', 'triggered', '--early-stop', '3'],
    2,
    /^--average-after: must be less than --early-stop \(3\)/,
  ],
  ['no text', [], 2, /no text was named[\s\S]* train book\.txt\n[\s\S]*name it -/],
  ['a missing file', ['nowhere.txt'], 1, /there is no text at nowhere\.txt/],
  ['a missing folder', ['-data_dir', 'nowhere'], 1, /there is no text at nowhere/],
  ['an empty file', ['empty.txt'], 1, /empty\.txt is empty/],
  ['a binary file', ['binary'], 1, /byte 3 is NUL[\s\S]*--tokens byte/],
  ['invalid UTF-8', ['cut.txt'], 1, /byte 4 is not valid UTF-8[\s\S]*--encoding [\s\S]*--tokens byte/],
  ['one distinct character', ['same.txt'], 1, /repeats one symbol/],
  [
    'too short',
    ['short.txt'],
    1,
    /too few for one batch[\s\S]*batches of \d+ × \d+, which suit it:\n.* --fit$/m,
  ],
  [
    'an unknown flag',
    ['book.txt', '-rnn_sise', '3'],
    2,
    /unknown flag -rnn_sise\. Did you mean --rnn-size\?/,
  ],
  [
    'no number',
    ['book.txt', '-rnn_size', 'many'],
    2,
    /-rnn_size: got "many", expected a whole number of at least 1/,
  ],
  [
    'zero units',
    ['book.txt', '-rnn_size', '0'],
    2,
    /-rnn_size: got 0, expected a whole number of at least 1/,
  ],
  ['nan', ['book.txt', '-learning_rate', 'nan'], 2, /-learning_rate: got "nan", expected a number/],
  ['1e400', ['book.txt', '-learning_rate', '1e400'], 2, /-learning_rate: got "1e400"/],
  ['too large', ['book.txt', ...small, '-rnn_size', '1e9'], 1, /would take about .*B; there are/],
  [
    'a fraction above one',
    ['book.txt', '-train_frac', '1.5'],
    2,
    /-train_frac: got 1\.5, expected a number from 0 to 1/,
  ],
  ['a negative fraction', ['book.txt', '--val-frac', '-0.5'], 2, /--val-frac: got -0\.5/],
  ['an empty training split', ['book.txt', '-train_frac', '0', ...small], 1, /nothing is left to train on/],
  ['standard input and a text', ['book.txt', '-'], 2, /cannot be one of several texts/],
  ['a size that is none', ['book.txt', '--memory', 'much'], 2, /--memory: got "much", expected a size/],
  ['a text named twice', ['book.txt', '-data_dir', 'x'], 2, /named twice/],
  [
    'a checkpoint that is missing',
    ['book.txt', '-init_from', 'nowhere.safetensors'],
    1,
    /there is no checkpoint nowhere/,
  ],
  ['a checkpoint that is empty', ['book.txt', '-init_from', 'empty.txt'], 1, /empty\.txt is empty/],
  [
    'a checkpoint of another kind',
    ['book.txt', '-init_from', 'book.txt'],
    1,
    /not a model that this program can read: it looks like text/,
  ],
  [
    'a checkpoint folder that can not be written',
    ['book.txt', '-checkpoint_dir', 'book.txt/cv', ...small],
    1,
    /checkpoints can't be written there/,
  ],
];
test('bad input: one clear message, the exit code, nothing left behind', async (context) => {
  const { cwd, run } = setUp(context);
  const files: Record<string, string | Uint8Array> = {
    'empty.txt': '',
    binary: Uint8Array.of(97, 98, 99, 0, 100),
    'cut.txt': Uint8Array.of(97, 98, 0xc3, 0xa9, 0xe9, 101),
    'same.txt': 'aaaa',
    'short.txt': text.slice(0, 500),
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(cwd, name), content);
  for (const [what, words, expected, message] of bad) {
    const { code, stdout, stderr } = await run([...words]);
    assert.equal(code, expected, `${what}: ${stderr}`);
    assert.match(stderr, message, what);
    assert.doesNotMatch(stderr, /should not have happened|at .*:\d+:\d+/, what);
    assert.ok(!stdout.split('\n').some((line) => LINE.test(line)), `${what}: it trained`);
  }
  for (const [name, content] of Object.entries(files))
    assert.deepEqual(readFileSync(join(cwd, name)), Buffer.from(content));
});

test('fractions that add up to more than 1 give a warning; zero is fine', async (context) => {
  const { run } = setUp(context);
  const one = ['book.txt', ...small, '--max_iterations', '1'];
  const sum = await run([...one, '-train_frac', '0.95', '-val_frac', '0.2']);
  assert.equal(sum.code, 0);
  assert.match(sum.stderr, /warning: --train-frac and --val-frac add up to 1\.15/);
  const none = await run([...one, '-dropout', '0', '-seed', '0', '-train_frac', '1', '-val_frac', '0']);
  assert.equal(none.code, 0);
  assert.match(none.stderr, /no validation data/);
});

test('an exploding loss: retries with half the rate, then an explanation, advice and exit 1', async (context) => {
  const { run } = setUp(context);
  const { code, stderr } = await run(['book.txt', ...small, '-learning_rate', '50', '--retries', '1']);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^iteration 2: the loss is [\d.]+, more than 3 times the first .*; back to iteration 0 with half the learning rate, 25 \(retry 1 of 1\)$/m,
  );
  assert.match(stderr, /1 retry with smaller learning rates did not help; training stopped\.$/m);
  // Half of a rate that is a thousand times the usual one would explode again.
  assert.match(stderr, /To train with a smaller learning rate:\n.* --learning-rate 0\.002\b/);
  const stops = await run(['book.txt', ...small, '-learning_rate', '50', '--on_explosion', 'stop']);
  assert.equal(stops.code, 1);
  assert.match(
    stops.stderr,
    /3 times the first \([\d.]+\); training stopped\.\nTo train with a smaller learning rate:\n.* --learning-rate 0\.002\b/,
  );
});

test('standard output on a full disk: one message, and the model is saved', {
  skip: existsSync('/dev/full') ? false : 'no /dev/full here',
}, async (context) => {
  const { cwd, checkpoints } = setUp(context);
  // Nothing is learned if a line comes before the first iteration: that of the baseline, or, with auto, that no native engine was built.
  const command = `exec "$0" "$1" train book.txt -engine wasm --baseline false ${small.join(' ')} --max_iterations 100000 > /dev/full`;
  const { status, stderr } = spawnSync('sh', ['-c', command, process.execPath, program], {
    cwd,
    encoding: 'utf8',
  });
  assert.equal(status, 1);
  assert.match(stderr, /^standard output cannot be written: the disk is full/m);
  assert.doesNotMatch(stderr, /at .*:\d+:\d+/);
  assert.equal(checkpoints().length, 1);
});

test('a folder that the system refuses with ENOENT does not hang', {
  skip: existsSync('/proc/self') ? false : 'no /proc here',
}, async (context) => {
  const { run } = setUp(context);
  const { code, stderr } = await run(['book.txt', ...small, '-checkpoint_dir', '/proc/nowhere']);
  assert.equal(code, 1);
  assert.match(stderr, /checkpoints can't be written there/);
});
