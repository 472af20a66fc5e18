import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readCheckpointFile } from '../../src/formats/read.node.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { charRnn, program, type RunSettings, skipWithoutSignals } from './command.ts';
import { residentCharRnn } from './resident.ts';
import { until } from './until.ts';

const line = 'the harbour wall stood in the rain, and the keeper walked along it.\n';
const small = ['-rnn_size', '12', '-num_layers', '1', '-batch_size', '4', '-seq_length', '10'];
const noSignals = { skip: skipWithoutSignals };

const resident = residentCharRnn();

/** A folder with a text. `start` starts a process in it, `run` does not. */
function setUp(context: TestContext, lines: number) {
  const cwd = temporaryFolder(context);
  writeFileSync(join(cwd, 'book.txt'), line.repeat(lines));
  const env = { XDG_CACHE_HOME: join(cwd, 'cache') };
  const start = (words: string[], settings: RunSettings = {}) =>
    charRnn(['train', ...words], { cwd, env, ...settings });
  const run = (words: string[]) => resident(['train', ...words], { cwd, env });
  const names = () => (existsSync(join(cwd, 'cv')) ? readdirSync(join(cwd, 'cv')).sort() : []);
  return { cwd, env, start, run, names };
}

test(
  'within an evaluation: saved immediately; the resumed run makes the evaluation',
  noSignals,
  async (context) => {
    const { cwd, start, run, names } = setUp(context, 6000);
    const halves = [
      '-train_frac',
      '0.5',
      '-val_frac',
      '0.5',
      '-eval_val_every',
      '3',
      '--max_iterations',
      '4',
    ];
    const log = join(cwd, 'cv', 'lstm.log.jsonl');
    const isEvaluating = () => existsSync(log) && readFileSync(log, 'utf8').includes('"evaluating"');
    let signalled: Promise<void> | undefined;
    const stopped = await start(['book.txt', ...small, ...halves], {
      onOutput(soFar, child) {
        if (signalled || !soFar.includes('\n2/')) return;
        signalled = until('evaluation', () => isEvaluating() || undefined).then(() => {
          child.kill('SIGINT');
        });
      },
    });
    await signalled;
    assert.equal(stopped.code, 130, stopped.stderr);
    assert.doesNotMatch(stopped.stdout, /validation loss/, 'it did not come to its end');
    assert.ok(
      names().some((name) => name.endsWith('_i3.safetensors')),
      names().join(),
    );
    const resumed = await run(['--resume']);
    assert.equal(resumed.code, 0, resumed.stderr);
    assert.match(resumed.stdout, /validation loss at iteration 3[\s\S]*^4\/4 /m);
  },
);

/** Loaded before the program: saving the third checkpoint takes a minute, and fails. */
const SLOW_SAVING = `
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
const { rename } = promises;
promises.rename = async (from, to) => {
  if (!/_i3\\.safetensors$/.test(to)) return rename(from, to);
  process.stdout.write('saving slowly\\n');
  await new Promise((resolve) => setTimeout(resolve, 60_000));
  throw new Error('too late');
};
syncBuiltinESMExports();
`;

test(
  'a second SIGINT ends the program immediately, without a damaged checkpoint or a lock',
  noSignals,
  async (context) => {
    const { cwd, start, names } = setUp(context, 40);
    let signals = 0;
    const { code, stderr } = await start(['book.txt', ...small, '--checkpoint_every', '1'], {
      preload: SLOW_SAVING,
      onOutput(soFar, child) {
        if (signals === 0 && soFar.includes('saving slowly')) signals += Number(child.kill('SIGINT'));
      },
      onErrors(soFar, child) {
        if (signals !== 1 || !soFar.includes('stopping after this iteration')) return;
        signals = 2;
        // Two signals at once would be one.
        setTimeout(() => child.kill('SIGINT'), 300);
      },
    });
    assert.equal(code, 130);
    assert.equal(signals, 2);
    assert.doesNotMatch(stderr, /continue with/);
    const checkpoints = names().filter((name) => name.endsWith('.safetensors') && !name.startsWith('.'));
    assert.ok(checkpoints.length >= 2, names().join());
    for (const name of checkpoints) assert.ok((await readCheckpointFile(join(cwd, 'cv', name))).training);
    // The next run deletes the partial file.
    assert.match(names()[0] ?? '', /^\..*_i3\.safetensors\..*\.saving$/);
    assert.ok(!names().some((name) => name.endsWith('.lock')), names().join());
  },
);

test(
  'two signals at once, as timeout and batch systems send, are one: the run is saved',
  noSignals,
  async (context) => {
    const { start, names } = setUp(context, 400);
    let sent = false;
    const { code, stderr } = await start(['book.txt', ...small, '-eval_val_every', '100000'], {
      onOutput(soFar, child) {
        if (sent || !soFar.includes('\n20/')) return;
        sent = child.kill('SIGINT') && child.kill('SIGTERM') && child.kill('SIGINT');
      },
    });
    assert.ok(code === 130 || code === 143, String(code));
    assert.match(stderr, /continue with/);
    assert.ok(
      names().some((name) => name.endsWith('.safetensors')),
      names().join(),
    );
  },
);

test(
  'a signal while the text is read ends the program immediately, and nothing is written',
  noSignals,
  async (context) => {
    const { cwd, env, names } = setUp(context, 1);
    const child = spawn(process.execPath, [program, 'train', '-', ...small], {
      cwd,
      env: { ...process.env, ...env },
    });
    child.stdin.write('the pipe goes on');
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += String(chunk);
    });
    const ended = new Promise((resolve) => child.on('close', resolve));
    const texts = join(cwd, 'cache', 'char-rnn', 'texts');
    await until('copy of the text', () => (existsSync(texts) && readdirSync(texts).length > 0) || undefined);
    child.kill('SIGTERM');
    const code = await ended;
    assert.equal(code, 143);
    assert.match(stderr, /^stopped before the first iteration: nothing was saved$/m);
    assert.deepEqual(names(), []);
    assert.deepEqual(readdirSync(texts), []);
  },
);

test(
  'two trainings at the same time: the second gets another folder, one that resumes is refused; the lock is removed, after an error too',
  noSignals,
  async (context) => {
    const { cwd, start, run, names } = setUp(context, 40);
    let second: ReturnType<typeof run> | undefined;
    let resumed: ReturnType<typeof run> | undefined;
    const first = await start(['book.txt', ...small, '-max_epochs', '1000000', '--checkpoint_every', '1'], {
      onOutput(soFar, child) {
        if (second || !soFar.includes('\n3/')) return;
        second = run(['book.txt', ...small, '--max_iterations', '1']);
        resumed = run(['--resume', 'cv']);
        Promise.all([second, resumed]).then(() => child.kill('SIGTERM'));
      },
    });
    assert.equal(first.code, 143, first.stderr);
    assert.equal((await second)?.code, 0);
    assert.ok(readdirSync(join(cwd, 'cv-2')).includes('last.safetensors'));
    const refused = await resumed;
    assert.equal(refused?.code, 1);
    assert.match(
      refused?.stderr ?? '',
      /^cv: another run is training there, process \d+ on .*\n.*\n.* --checkpoint-dir cv-2$/m,
    );
    assert.ok(
      names().includes('last.safetensors') && !names().some((name) => name.startsWith('.')),
      names().join(),
    );
    const failed = await run(['book.txt', ...small, '-learning_rate', '50', '--on_explosion', 'stop']);
    assert.equal(failed.code, 1);
    assert.ok(!names().some((name) => name.endsWith('.lock')), names().join());
  },
);
