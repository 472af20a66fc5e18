/** Lines that fail in a shell fail in the world of these tests, whichever process runs them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { temporaryFolder } from '../temporary-folder.ts';
import { startResident } from './start-resident.ts';
import { makeWorld } from './world.ts';

const world = await makeWorld();
after(() => world.remove());

const FAILING: readonly { readonly line: string; readonly code: number }[] = [
  { line: 'char-rnn sample nothing-there', code: 1 },
  { line: 'npx char-rnn sample cv --temprature 1', code: 2 },
  { line: 'char-rnn smaple cv', code: 2 },
  { line: 'char-rnn sample cv/best.safetensors extra words', code: 2 },
  { line: 'char-rnn sample nothing-there | cat', code: 1 },
  { line: 'char-rnn sample nothing-there > sample.txt', code: 1 },
  { line: 'cat book.txt | char-rnn train - --hidden none', code: 2 },
  { line: 'char-rnn train nothing-there.txt > log 2>&1 &', code: 1 },
  { line: 'char-rnn ls | false', code: 1 },
  { line: 'cd nothing-there', code: 1 },
];

for (const { line, code } of FAILING) {
  test(`fails: ${line}`, async () => {
    const result = await world.run([line, 'char-rnn --version']);
    assert.equal(result.code, code, result.stderr);
  });
}

test('a line prints the same in the resident process and in a process of its own', async () => {
  for (const line of [
    'char-rnn inspect cv',
    'npx char-rnn ls',
    'char-rnn sample cv --length 50',
    'char-rnn',
  ]) {
    const [resident, own] = [await world.run([line]), await world.run([`true | ${line}`])];
    assert.deepEqual(resident, own);
    assert.ok(`${own.stdout}${own.stderr}`.length > 50);
  }
});

const PROGRAM = `
import { Worker } from 'node:worker_threads';
const forever = 'setInterval(() => {}, 1000)';
export async function runProgram([what]) {
  process.stdout.write('begun ');
  if (what === 'a timer') setTimeout(() => process.stdout.write('ended'), 20);
  if (what === 'a timer that does not end') setInterval(() => {}, 1000);
  if (what === 'a thread') new Worker(forever, { eval: true }).unref();
  if (what === 'a thread that is held') new Worker(forever, { eval: true });
  if (what === 'an error') throw new Error('thrown');
  if (what === 'a rejection') Promise.reject(new Error('rejected'));
  if (what === 'an error later') setTimeout(() => { throw new Error('thrown later'); }, 20);
  if (what === 'a failed write') process.exitCode = 1;
  if (what === 'a listener') process.on('SIGINT', () => {});
  return what === 'an exit code' ? 3 : 0;
}`;

const ENDINGS: readonly { readonly what: string; readonly code: number; readonly prints: RegExp }[] = [
  { what: 'nothing', code: 0, prints: /^begun $/ },
  { what: 'a timer', code: 0, prints: /^begun ended$/ },
  { what: 'a timer that does not end', code: 1, prints: /does not end, because of: Timeout/ },
  { what: 'a thread', code: 0, prints: /^begun $/ },
  { what: 'a thread that is held', code: 1, prints: /does not end, because of: Worker/ },
  { what: 'an error', code: 1, prints: /Error: thrown/ },
  { what: 'a rejection', code: 1, prints: /Error: rejected/ },
  { what: 'an error later', code: 1, prints: /Error: thrown later/ },
  { what: 'a failed write', code: 1, prints: /^begun $/ },
  { what: 'an exit code', code: 3, prints: /^begun $/ },
];

test('the resident process ends a line as a process would end', async (context) => {
  const folder = temporaryFolder(context);
  const program = join(folder, 'program.mjs');
  writeFileSync(program, PROGRAM);
  const resident = await startResident(program, 500);
  try {
    for (const { what, code, prints } of ENDINGS) {
      const output = join(folder, what);
      const socket = connect(resident.port, '127.0.0.1');
      await once(socket, 'connect');
      const fields = [folder, output, output, '0', program, what];
      socket.write([fields.length, ...fields, ''].join('\0'));
      assert.equal(await text(socket), `${code}\n`, what);
      assert.match(readFileSync(output, 'utf8'), prints, what);
    }
  } finally {
    resident.stop();
  }
});
