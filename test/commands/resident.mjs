/**
 * Runs command lines of the program one after the other in this process, which saves the start of a process for each.
 *
 *     node resident.mjs PROGRAM MAX_AFTERLIFE     by start-resident.ts
 *
 * PROGRAM is the path of a module that exports `runProgram`.
 *
 * A request is a connection to the port that it sends to its parent. It consists of fields that each end with a NUL: the number of fields
 * that follow, the working folder, the files for standard output and standard error, the number of environment variables, these as
 * NAME=value, the path of the program, and its words. The answer is the exit code and a line end.
 *
 * A line ends as its process would: when nothing keeps the event loop alive any more.
 */
import { closeSync, createReadStream, openSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { Writable } from 'node:stream';
import { Worker } from 'node:worker_threads';

const [PROGRAM = '', MAX_AFTERLIFE = ''] = process.argv.slice(2);
const SIGNALS = ['SIGHUP', 'SIGINT', 'SIGTERM'];

/** @type {Set<Worker>} The threads of the line. */
const threads = new Set();
/** @type {WeakSet<Worker>} Those that do not keep the event loop alive. */
const released = new WeakSet();
watchThreads();

const { runProgram } = await import(PROGRAM);

/** @type {string[]} Errors that nobody caught since the line began. */
const uncaught = [];
for (const event of ['uncaughtException', 'unhandledRejection']) {
  process.on(event, (error) => uncaught.push(error?.stack ?? String(error)));
}

let last = Promise.resolve();
const server = createServer((socket) => {
  // The parent keeps this process alive, not its sockets, so that those of the program can be seen.
  socket.unref();
  let received = '';
  socket.setEncoding('utf8').on('data', (chunk) => {
    received += chunk;
    const [count, ...fields] = received.split('\0');
    if (fields.length <= Number(count)) return;
    last = last.then(async () => socket.end(`${await runLine(fields.slice(0, -1))}\n`));
  });
});
process.on('disconnect', () => process.exit());
process.on('message', () => {});
server.listen(0, '127.0.0.1', () => process.send?.(/** @type {any} */ (server.address()).port));
server.unref();

/**
 * @param {string[]} fields
 * @returns {Promise<number>} the exit code
 */
async function runLine([folder = '', output = '', errors = '', variables = '', ...rest]) {
  process.chdir(folder);
  for (const name of Object.keys(process.env)) delete process.env[name];
  for (const variable of rest.splice(0, Number(variables))) {
    const at = variable.indexOf('=');
    process.env[variable.slice(0, at)] = variable.slice(at + 1);
  }
  process.argv.splice(1, Number.POSITIVE_INFINITY, ...rest);
  process.exitCode = undefined;
  uncaught.length = 0;
  const files = [openSync(output, 'a'), openSync(errors, 'a')];
  const input = createReadStream('/dev/null');
  replace('stdin', input);
  replace('stdout', streamTo(files[0]));
  replace('stderr', streamTo(files[1]));
  const alive = process.getActiveResourcesInfo();
  try {
    const code = await runProgram(rest.slice(1));
    process.exitCode ||= code;
  } catch (error) {
    uncaught.push(error instanceof Error ? (error.stack ?? '') : String(error));
  }
  const left = await leftAfter(alive);
  if (left.length > 0) uncaught.push(`The program does not end, because of: ${left.join(', ')}`);
  for (const text of uncaught) process.stderr.write(`${text}\n`);
  const code = uncaught.length > 0 ? 1 : Number(process.exitCode ?? 0);
  // Deletes unfinished files.
  process.emit('exit', code);
  for (const signal of SIGNALS) process.removeAllListeners(signal);
  await Promise.all([...threads].map((thread) => thread.terminate()));
  input.destroy();
  files.forEach(closeSync);
  return code;
}

/**
 * @param {'stdin' | 'stdout' | 'stderr'} name
 * @param {object} value
 */
function replace(name, value) {
  Object.defineProperty(process, name, { configurable: true, value });
}

/** @param {number} file */
function streamTo(file) {
  return new Writable({
    decodeStrings: true,
    write(chunk, _encoding, done) {
      writeSync(file, chunk);
      done();
    },
  });
}

function watchThreads() {
  process.on('worker', (thread) => {
    threads.add(thread);
    thread.once('exit', () => threads.delete(thread));
  });
  const { ref, unref } = Worker.prototype;
  Worker.prototype.ref = function hold() {
    released.delete(this);
    ref.call(this);
  };
  Worker.prototype.unref = function release() {
    released.add(this);
    unref.call(this);
  };
}

/**
 * Waits until only these resources keep the event loop alive.
 *
 * @param {string[]} before
 * @returns {Promise<string[]>} those that still do after a time
 */
async function leftAfter(before) {
  const until = performance.now() + Number(MAX_AFTERLIFE);
  // Node reports new threads and rejections after the present turn of the event loop.
  await new Promise((resolve) => setImmediate(resolve));
  for (;;) {
    const held = [...threads].filter((thread) => !released.has(thread));
    // The list of Node lacks threads.
    const left = [...process.getActiveResourcesInfo(), ...held.map(() => 'Worker')];
    for (const name of before) {
      const at = left.indexOf(name);
      if (at >= 0) left.splice(at, 1);
    }
    if (left.length === 0 || performance.now() > until) return left;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
