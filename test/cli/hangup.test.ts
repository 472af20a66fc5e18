/** A terminal that closes: it ends what runs in it, with a checkpoint, and nothing that was started to outlive it. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { endsWithTerminal, type ProcessSurroundings } from '../../src/cli/terminal/hangup.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { charRnn, program, skipWithoutSignals } from './command.ts';
import { until } from './until.ts';

const ATTACHED: ProcessSurroundings = {
  terminals: [true, true, true],
  env: { _: '/usr/bin/node' },
  parentStatus: 'Name:\tbash\nSigIgn:\t0000000000384004\n',
};

test('which processes end when their terminal closes', () => {
  const ends = (change: Partial<ProcessSurroundings>) => endsWithTerminal({ ...ATTACHED, ...change });
  const nohup = { _: '/usr/bin/nohup' };
  assert.equal(ends({}), true);
  assert.equal(ends({ terminals: [true, false, false] }), true, 'train > log 2>&1');
  assert.equal(ends({ terminals: [false, true, true] }), true, 'cat text | train -');
  assert.equal(ends({ parentStatus: undefined }), true, 'no /proc');
  assert.equal(
    ends({ env: nohup }),
    true,
    'a variable that is left over: nohup leaves no terminal at the output',
  );
  assert.equal(ends({ terminals: [false, false, false] }), false, 'nohup on Linux, cron, services');
  assert.equal(ends({ terminals: [true, false, false], env: nohup }), false, 'nohup on macOS');
  assert.equal(ends({ parentStatus: 'SigIgn:\t0000000000000001\n' }), false, "trap '' HUP");
  assert.equal(ends({ parentStatus: 'SigIgn:\t0000000000384005\n' }), false);
});

const has = (tool: string) => spawnSync(tool, ['-V'], { stdio: 'ignore' }).status === 0;
const noScript =
  process.platform === 'linux' && has('script') && has('setsid')
    ? false
    : 'no script and setsid of util-linux';

const SHAPE = '-rnn_size 8 -batch_size 2 -seq_length 8 --baseline false';
const TRAIN = `"${process.execPath}" "${program}" train book.txt ${SHAPE} -num_layers 1 -max_epochs 1000000`;
/** A command in a shell that survives the terminal and writes the exit code down. */
const coded = (command: string) => `(trap : HUP; ${command}; echo $? > code)`;

/** A folder in which a training is started, and what can be seen of it there. */
function setUp(context: TestContext) {
  const cwd = temporaryFolder(context);
  writeFileSync(
    join(cwd, 'book.txt'),
    'the harbour wall stood in the rain, and the keeper walked.\n'.repeat(40),
  );
  const env = { ...process.env, XDG_CACHE_HOME: join(cwd, 'cache'), HISTFILE: '', TMUX_TMPDIR: cwd };
  const logBytes = () => statSync(join(cwd, 'cv', 'lstm.log.jsonl'), { throwIfNoEntry: false })?.size ?? 0;
  const checkpoints = () => readdirSync(join(cwd, 'cv')).filter((name) => name.startsWith('lm_'));
  const running = () =>
    until('training', () => {
      const names = existsSync(join(cwd, 'cv')) ? readdirSync(join(cwd, 'cv')) : [];
      const lock = names.find((name) => name.endsWith('.lock'));
      return lock && logBytes() > 2000
        ? Number(JSON.parse(readFileSync(join(cwd, 'cv', lock), 'utf8')).pid)
        : undefined;
    });
  const code = () =>
    until('exit code', () => {
      const text = existsSync(join(cwd, 'code')) ? readFileSync(join(cwd, 'code'), 'utf8') : '';
      return text.endsWith('\n') ? Number(text) : undefined;
    });
  return { cwd, env, logBytes, checkpoints, running, code };
}

/** Types a line into an interactive shell on a terminal. The shell writes its process number to the file "shell". */
function terminal(cwd: string, env: NodeJS.ProcessEnv, line: string): ChildProcess {
  const child = spawn('script', ['-qc', 'bash --norc --noprofile -i', '/dev/null'], { cwd, env });
  child.stdout?.resume();
  child.stdin?.write(`echo $$ > shell\n${line}\n`);
  return child;
}

/**
 * Closes a terminal. The system sends SIGHUP to the shell and ends its input, in either order, and a shell that reads the end of its input
 * first does not pass SIGHUP on to its background jobs. Here the signal comes first.
 */
function close(shell: ChildProcess, cwd: string): void {
  process.kill(Number(readFileSync(join(cwd, 'shell'), 'utf8')), 'SIGHUP');
  shell.kill('SIGKILL');
}

for (const [name, line] of [
  ['in the foreground', coded(TRAIN)],
  ['in the background', `${coded(TRAIN)} &`],
  ['with its output in a file', coded(`${TRAIN} > out.txt 2>&1`)],
] as const) {
  test(`a training ${name} ends with its terminal, with a checkpoint and 129`, {
    skip: noScript,
  }, async (context) => {
    const { cwd, env, running, code, checkpoints } = setUp(context);
    const shell = terminal(cwd, env, line);
    await running();
    close(shell, cwd);
    assert.equal(await code(), 129);
    assert.match(checkpoints().join(), /_i\d+\.safetensors$/);
  });
}

for (const [name, line] of [
  ['nohup', `${coded(`nohup ${TRAIN}`)} &`],
  ['setsid', `setsid sh -c '${TRAIN}; echo $? > code' &`],
  ['disown', `${coded(TRAIN)} & disown`],
  ["trap '' HUP", `(trap '' HUP; ${TRAIN}; echo $? > code)`],
] as const) {
  test(`a training under ${name} goes on without its terminal, and its log too`, {
    skip: noScript,
  }, async (context) => {
    const { cwd, env, running, code, logBytes } = setUp(context);
    const shell = terminal(cwd, env, line);
    const pid = await running();
    shell.kill('SIGKILL');
    await new Promise((resolve) => shell.on('close', resolve));
    // Time for every signal and failed write to arrive.
    await sleep(300);
    const before = logBytes();
    await until('line in the log', () => (logBytes() > before + 1000 ? true : undefined));
    process.kill(pid, 'SIGTERM');
    assert.equal(await code(), 143);
  });
}

test('serve under nohup answers after its terminal has closed', { skip: noScript }, async (context) => {
  const { cwd, env, code } = setUp(context);
  const few = await charRnn(
    ['train', 'book.txt', ...SHAPE.split(' '), '--max_iterations', '1', '-checkpoint_dir', 'made'],
    { cwd },
  );
  assert.equal(few.code, 0, few.stderr);
  const serve = `"${process.execPath}" "${program}" serve made/last.safetensors --port 0`;
  const started = `sh -c 'echo $$ > pid; exec nohup ${serve} > out.txt 2>&1'`;
  const shell = terminal(cwd, env, `${coded(started)} &`);
  const url = await until('address', () => {
    const text = existsSync(join(cwd, 'out.txt')) ? readFileSync(join(cwd, 'out.txt'), 'utf8') : '';
    return /listening on (\S+)/.exec(text)?.[1];
  });
  const closed = new Promise((resolve) => shell.on('close', resolve));
  shell.kill('SIGKILL');
  await closed;
  // A shell that reads the end of its input before the signal passes no SIGHUP on: this one always arrives.
  const pid = Number(readFileSync(join(cwd, 'pid'), 'utf8'));
  process.kill(pid, 'SIGHUP');
  const line = await until('line about the signal', () =>
    /^SIGHUP was ignored.*/m.exec(readFileSync(join(cwd, 'out.txt'), 'utf8'))?.join(),
  );
  assert.ok(line.endsWith(`To stop: kill ${pid}`), line);
  assert.equal((await fetch(`${url}/models`)).status, 200);
  process.kill(pid, 'SIGTERM');
  assert.equal(await code(), 0);
});

test('tmux kill-session ends a training with a checkpoint', {
  skip: noScript || (has('tmux') ? false : 'no tmux'),
}, async (context) => {
  const { cwd, env, running, code, checkpoints } = setUp(context);
  const tmux = (...words: string[]) =>
    spawnSync('tmux', ['-L', 'char-rnn', ...words], { cwd, env, encoding: 'utf8' });
  const started = tmux('-f', '/dev/null', 'new-session', '-d', '-s', 'run', `bash -c '${coded(TRAIN)}'`);
  assert.equal(started.status, 0, started.stderr);
  await running();
  tmux('kill-session', '-t', 'run');
  assert.equal(await code(), 129);
  assert.match(checkpoints().join(), /_i\d+\.safetensors$/);
});

test('without any terminal SIGHUP is ignored, and one line says how to stop', {
  skip: skipWithoutSignals,
}, async (context) => {
  const { cwd, checkpoints } = setUp(context);
  const words = ['train', 'book.txt', ...SHAPE.split(' '), '-max_epochs', '1000000'];
  const signals: NodeJS.Signals[] = ['SIGHUP', 'SIGHUP', 'SIGTERM'];
  let due = 3;
  const { code, stderr } = await charRnn(words, {
    cwd,
    onOutput(soFar, child) {
      const reached = Number(/\n(\d+)\/[^\n]*\n?$/.exec(soFar)?.[1]);
      if (!(reached >= due)) return;
      const [signal] = signals.splice(0, 1);
      if (signal) child.kill(signal);
      due = reached + 100;
    },
  });
  assert.equal(code, 143, stderr);
  assert.match(checkpoints().join(), /_i\d{3,}\.safetensors/);
  assert.equal(stderr.match(/^SIGHUP was ignored: .*kill \d+$/gm)?.length, 1, stderr);
});
