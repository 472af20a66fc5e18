/** `char-rnn sweep` as a user types it. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { temporaryFolder } from '../temporary-folder.ts';
import { charRnn, printedWords } from './command.ts';
import { residentCharRnn } from './resident.ts';

const run = residentCharRnn();
const TEXT = 'the harbour wall stood in the rain and the keeper walked along the wall. '.repeat(60);
const TINY = ['num-layers=1', 'batch-size=4', 'seq-length=10', 'max-iterations=18'].flatMap((word) => [
  '--try',
  word,
]);
const RATES = ['--try', 'learning-rate=1e-3..5e-2:log', '--try', 'rnn-size=4,8', '--trials', '6'];

function setUp(context: TestContext): string {
  const cwd = temporaryFolder(context);
  writeFileSync(join(cwd, 'book.txt'), TEXT);
  return cwd;
}

test('run, status, table, best; more trials; the best model writes, and the printed training works', async (context) => {
  const cwd = setUp(context);
  const made = await run(['sweep', 'run', 'book.txt', ...RATES, ...TINY, '--workers', '2'], { cwd });
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stderr, /^sweep book: 6 trials, 3 rungs, 2 at once$/m);
  assert.match(made.stderr, /^trial \d, rung 3: loss \d\.\d{4} ± 0\.\d{4}$/m);
  assert.match(
    made.stderr,
    /^best: trial \d, loss .* at iteration \d+: --learning-rate 0\.\d+ --rnn-size [48]$/m,
  );
  const status = await run(['sweep', 'status'], { cwd });
  assert.match(
    status.stdout,
    /^book: finished\n {2}rung 1: 6 of 6 done\n {2}rung 2: 2 of 2 done\n {2}rung 3: 1 of 1 done\nbest:\n/,
  );
  assert.equal(status.stdout.trimEnd().split('\n').length, 10);
  const best = await run(['sweep', 'best', '--json'], { cwd });
  const { trial, loss, parameters, iteration, checkpoint, train } = JSON.parse(best.stdout);
  assert.ok(Number.isInteger(trial) && loss > 0 && iteration <= 18 && parameters.learningRate > 0);
  const table = await run(['sweep', 'table', 'book', '--csv'], { cwd });
  const [header, ...rows] = table.stdout.trimEnd().split('\n');
  assert.equal(header, 'trial,state,rung,loss,standard_error,iteration,learning_rate,rnn_size');
  assert.equal(rows.length, 6);
  assert.ok(rows[trial - 1]?.startsWith(`${trial},done,3,${loss},`), rows.join('\n'));
  const listed = JSON.parse((await run(['sweep', 'table', '--json'], { cwd })).stdout);
  assert.equal(Math.min(...listed.map((one: { loss: number }) => one.loss)), loss);
  assert.equal(readdirSync(join(cwd, 'sweeps/book')).includes('best.safetensors'), true);
  const sampled = await run(['sample', checkpoint, '--length', '5'], { cwd });
  assert.equal(sampled.code, 0, sampled.stderr);
  // The first of three rungs ends at iteration 2. Without an evaluation there, the training could miss the lowest loss.
  assert.equal(train[train.indexOf('--eval-val-every') + 1], '2', train.join(' '));
  const trained = await run([...train, '--log', 'plain'], { cwd });
  assert.equal(trained.code, 0, trained.stderr);
  assert.ok(trained.stdout.includes(loss.toFixed(4)), `${loss}\n${trained.stdout}`);
  const more = await run(['sweep', 'run', '--trials', '+3', '--workers', '1'], { cwd });
  assert.equal(more.code, 0, more.stderr);
  assert.match(more.stderr, /^sweep book: 9 trials/m);
  assert.match((await run(['sweep', 'status'], { cwd })).stdout, /rung 1: 9 of 9 done\n {2}rung 2: 3 of 3/);
  const again = await run(['sweep', 'resume'], { cwd });
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stderr, /^best: trial/m);
});

test('a grid from a file, without halving; the table has the reason of a failed trial, which can be retried', async (context) => {
  const cwd = setUp(context);
  writeFileSync(
    join(cwd, 'sizes.yaml'),
    `text: book.txt
method: grid
flags: {num_layers: 1, batch_size: 4, seq_length: 10, max_iterations: 4}
parameters:
  rnn_size: {values: [4, 100000000]}
  model: {values: [gru, rnn]}
`,
  );
  const { code, stderr } = await run(['sweep', 'run', 'sizes.yaml'], { cwd });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^sweep sizes: 4 trials, \d+ at once$/m);
  assert.match(
    stderr,
    /^trial 3, rung 1: failed: a gru with one layer of 100,000,000 units, .* there are [0-9.]+ GB\.$/m,
  );
  const rows = JSON.parse((await run(['sweep', 'table', '--json'], { cwd })).stdout);
  assert.deepEqual(
    rows.map(({ state }: { state: string }) => state),
    ['done', 'done', 'failed', 'failed'],
  );
  assert.match(rows[2].message, /^a gru with one layer of 100,000,000 units/);
  const retried = await run(['sweep', 'retry'], { cwd });
  assert.match(retried.stderr, /^2 failed trials will be trained again\.$/m);
  assert.match((await run(['sweep', 'status'], { cwd })).stdout, /2 of 4 done, 2 failed/);
});

test('a sweep in which no trial has a loss ends with exit code 1', async (context) => {
  const cwd = setUp(context);
  const words = ['sweep', 'run', 'book.txt', '--try', 'rnn-size=100000000'];
  for (const shape of ['batch-size=4', 'seq-length=10,20']) words.push('--try', shape);
  const { code, stderr } = await run(words, { cwd });
  assert.equal(code, 1, stderr);
  assert.match(stderr, /^no trial has a loss: all have exploded or failed\.$/m);
});

test('mistakes: one sentence each, and nothing is made', async (context) => {
  const cwd = setUp(context);
  const words = ['sweep', 'run', 'book.txt'];
  for (const [more, message] of [
    [['--try', 'rnn-sise=1,2'], /^--try: there is no training option "rnn-sise"\. Did you mean rnn_size\?$/m],
    [['--try', 'dropout=0..1'], /^--try: dropout: got 1, expected a number of at least 0 and less than 1$/m],
    [['--try', 'dropout=0.5..0.1'], /^--try: dropout: min must be less than max/m],
    [['--try', 'dropout=0..0.5:log'], /^--try: dropout: a logarithmic range begins above 0, not at 0$/m],
    [['--try', 'rnn-size'], /^--try: got "rnn-size", expected NAME=/m],
    [
      ['--try', 'rnn-size=1,2', '--trials', 'many'],
      /^--trials: got "many", expected a number of trials, such as 20/m,
    ],
    [
      ['--try', 'rnn-size=1,2', '--trials', '5'],
      /^--try: there are only 2 combinations of these values, not 5\.$/m,
    ],
    [['--max-epochs', '9'], /^unknown flag --max-epochs\. It is a flag of training: --try max-epochs=9$/m],
    [['-rnn_size=3'], /^unknown flag -rnn_size\. It is a flag of training: --try rnn-size=3$/m],
    [['--trails', '9'], /^unknown flag --trails\. Did you mean --trials\?$/m],
    [['--try', 'rnn-size=1,2', '--csv'], /^--csv can't be used with sweep run$/m],
    [['--try', 'rnn-size=1,2', '--name', '../x'], /^--name: got "\.\.\/x", expected up to 100 letters/m],
    [['--try', 'rnn-size=1,2', '--rungs', '11'], /^--rungs: got 11, expected a whole number from 1 to 10$/m],
    [['--try', 'rnn-size=1,2', '--eta', '1'], /^--eta: got 1, expected a whole number from 2 to 100$/m],
    [['--try', 'dropout=0..0.5', '--trials', '100001'], /^--trials: got 100001, expected .* to 100000$/m],
    [['--try', 'rnn-size=1,2', '--database', 'x'], /^--database: got "x", expected postgres:/m],
    [[], /^--try: there is nothing to search/m],
    [
      ['--try', 'clip-norm=1,2', '--try', 'clip-mean-norm=1'],
      /^trial 1: meanNormClip: limits the same norm/m,
    ],
  ] as const) {
    const { code, stderr } = await run([...words, ...more], { cwd });
    assert.equal(code, 2, `${more}: ${stderr}`);
    assert.match(stderr, message);
  }
  for (const [more, message] of [
    [['sweep'], /^sweep needs an action: run, status, best/m],
    [['sweep', 'strat'], /^sweep has no action "strat"\./m],
    [['sweep', 'run'], /^sweep run needs a text, or a file that describes the sweep\.$/m],
  ] as const) {
    const { code, stderr } = await run(more, { cwd });
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
  }
  for (const [more, message] of [
    [['sweep', 'status'], /^there is no sweep in sweeps\/\.\n/],
    [['sweep', 'best', 'x'], /^there is no sweep x in sweeps\/\.$/m],
    [['sweep', 'run', 'no.txt', '--try', 'rnn-size=1,2'], /^there is no (file|text).*no\.txt/m],
    [[...words, '--try', 'rnn-size=1,2', '--try', 'batch-size=4000'], /trial 1: .* too few for one batch/],
    [
      [...words, ...RATES, ...TINY, '--try', 'eval-val-every=10'],
      /^trial 1 has only 18 iterations and evaluates every 10: too few for 3 rungs\./m,
    ],
  ] as const) {
    const { code, stderr } = await run(more, { cwd });
    assert.equal(code, 1, stderr);
    assert.match(stderr, message);
  }
  assert.ok(!existsSync(join(cwd, 'sweeps')));
});

test('a name that is taken, and a text that has changed', async (context) => {
  const cwd = setUp(context);
  const words = ['sweep', 'run', 'book.txt', '--try', 'rnn-size=4,8', ...TINY];
  assert.equal((await run(words, { cwd })).code, 0);
  const taken = await run(words, { cwd });
  assert.equal(taken.code, 1);
  assert.match(taken.stderr, /^there is already a sweep book, in .*sweeps\/book\.$/m);
  const [, command = ''] = /another name:\n {2}(.*)$/m.exec(taken.stderr) ?? [];
  const other = await run(printedWords(command, cwd), { cwd });
  assert.equal(other.code, 0, other.stderr);
  assert.match(other.stderr, /^sweep book-2: /m);
  const unknown = await run(['sweep', 'status', 'x'], { cwd });
  assert.equal(unknown.stderr, 'there is no sweep x in sweeps/. It has book, book-2.\n');
  const odd = await run(['sweep', 'run', 'book.txt', '--trials', '+1', '--try', 'rnn-size=4,9', ...TINY], {
    cwd,
  });
  assert.match(odd.stderr, /^the sweep book has other settings\./m);
  writeFileSync(join(cwd, 'book.txt'), `${TEXT}!`);
  for (const action of [['resume'], ['resume', 'book']]) {
    const { code, stderr } = await run(['sweep', ...action], { cwd });
    assert.equal(code, 1);
    assert.match(stderr, /^book\.txt has changed since the sweep was created\./m);
  }
});

test('Ctrl-C: the trials save their states, and resume ends with the losses of an undisturbed sweep', async (context) => {
  const cwd = setUp(context);
  const words = ['sweep', 'run', 'book.txt', ...RATES, ...TINY, '--try', 'max-iterations=900'];
  const long = words.filter(
    (word, at) => word !== 'max-iterations=18' && words[at + 1] !== 'max-iterations=18',
  );
  let isStopped = false;
  const stopped = await charRnn([...long, '--workers', '2', '--name', 'a'], {
    cwd,
    onErrors: (soFar, child) => {
      if (isStopped || !/rung 1: loss/.test(soFar)) return;
      isStopped = true;
      child.kill('SIGINT');
    },
  });
  assert.equal(stopped.code, 130, stopped.stderr);
  assert.match(stopped.stderr, /^the sweep is interrupted\. To continue: .* sweep resume a$/m);
  assert.match(
    (await run(['sweep', 'status', 'a'], { cwd })).stdout,
    /^a: waiting: no process works on it$/m,
  );
  const resumed = await run(['sweep', 'resume', 'a'], { cwd });
  assert.equal(resumed.code, 0, resumed.stderr);
  const whole = await run([...long, '--name', 'b'], { cwd });
  assert.equal(whole.code, 0, whole.stderr);
  const table = async (name: string) => (await run(['sweep', 'table', name, '--csv'], { cwd })).stdout;
  assert.equal(await table('a'), await table('b'));
  assert.match(readFileSync(join(cwd, 'sweeps/a/sweep.sqlite'), 'latin1'), /^SQLite format 3/);
});

test("a best model that can't be copied: the error names the file, and the command that uses the checkpoint", async (context) => {
  const cwd = setUp(context);
  const words = ['sweep', 'run', 'book.txt', '--try', 'rnn-size=4,8', ...TINY];
  assert.equal((await run(words, { cwd })).code, 0);
  mkdirSync(join(cwd, 'sweeps/book/best.safetensors'));
  const { code, stdout, stderr } = await run(['sweep', 'best'], { cwd });
  assert.deepEqual([code, stdout], [1, '']);
  const [, command = ''] =
    /^sweeps\/book\/best\.safetensors can't be written: .*\.\nTo write with the model where it is:\n {2}(.*)\n$/.exec(
      stderr,
    ) ?? [];
  const sampled = await run([...printedWords(command, cwd), '--length', '5'], { cwd });
  assert.equal(sampled.code, 0, `${stderr}${sampled.stderr}`);
  // Nothing is left of the attempt.
  assert.deepEqual(
    readdirSync(join(cwd, 'sweeps/book')).filter((name) => name.includes('tmp')),
    [],
  );
});

test('where the text has another path, the best trial is printed with a command to adapt', async (context) => {
  const cwd = setUp(context);
  const words = ['sweep', 'run', 'book.txt', '--try', 'rnn-size=4,8', ...TINY];
  assert.equal((await run(words, { cwd })).code, 0);
  const heading = async () =>
    /^To train it again, .*$/m.exec((await run(['sweep', 'best'], { cwd })).stdout)?.[0];
  assert.equal(await heading(), 'To train it again, from the start:');
  renameSync(join(cwd, 'book.txt'), join(cwd, 'moved.txt'));
  assert.equal(
    await heading(),
    'To train it again, from the start, with the paths that the texts have on this machine:',
  );
});

test('a sweep that has ended can be stopped and resumed', async (context) => {
  const cwd = setUp(context);
  const words = ['sweep', 'run', 'book.txt', '--try', 'rnn-size=4,8', ...TINY];
  assert.equal((await run(words, { cwd })).code, 0);
  const stopped = await run(['sweep', 'stop'], { cwd });
  assert.deepEqual([stopped.code, stopped.stderr], [0, 'book is stopped.\n']);
  const resumed = await run(['sweep', 'resume'], { cwd });
  assert.match(resumed.stderr, /^best: trial \d, /m);
  // A grid has no trial to add.
  assert.match(
    resumed.stderr,
    /^nothing is left to train: book has tried all 2 combinations of its values\./m,
  );
});

test('a sweep that has ended: resume suggests more trials, and adds them', async (context) => {
  const cwd = setUp(context);
  const few = [...TINY, '--method', 'random', '--trials', '1', '--workers', '1'];
  const made = await run(['sweep', 'run', 'book.txt', '--try', 'rnn-size=4..6', ...few], { cwd });
  assert.equal(made.code, 0, made.stderr);
  assert.doesNotMatch(made.stderr, /nothing is left/);
  const { stderr } = await run(['sweep', 'resume'], { cwd });
  assert.match(
    stderr,
    /^nothing is left to train: every trial of book has ended\. To add \d+:\n {2}.* sweep resume book --trials \+\d+$/m,
  );
  const wrong = await run(['sweep', 'resume', '--trials', '1'], { cwd });
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /^--trials: got 1, but .*; expected the number to add, \+1$/m);
  const more = await run(['sweep', 'resume', 'book', '--trials', '+1', '--workers', '1'], { cwd });
  assert.equal(more.code, 0, more.stderr);
  assert.match(more.stderr, /^sweep book: 2 trials/m);
  assert.match(more.stderr, /^trial 2, /m);
});
