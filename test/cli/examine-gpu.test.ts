/** The child process that examines the GPU may print anything, crash, or never end. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runGpuChild } from '../../src/cli/run/examine-gpu.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const ADAPTERS = `console.log(JSON.stringify({ adapters: [{ number: 0, name: 'a GPU' }] }));`;

test('a child that crashes or hangs leaves what it has found', async (context) => {
  const folder = temporaryFolder(context);
  const run = (code: string) => {
    const program = join(folder, 'child.mjs');
    writeFileSync(program, `console.error('noise'); console.log('noise {');\n${code}`);
    return runGpuChild(program, 0, 3000);
  };
  const found = [{ adapters: [{ number: 0, name: 'a GPU' }] }];
  assert.deepEqual(await run(`${ADAPTERS} console.log(JSON.stringify({ engine: process.argv[2] }));`), {
    lines: [...found, { engine: '0' }],
    problem: 'the driver or the package webgpu ended the process (code 0).',
  });
  assert.deepEqual(await run('process.exit(7);'), {
    lines: [],
    problem: 'the driver or the package webgpu ended the process (code 7).',
  });
  const killed = await run(`${ADAPTERS} setTimeout(() => process.kill(process.pid, 'SIGKILL'), 50);`);
  assert.deepEqual(killed.lines, found);
  assert.match(killed.problem, /^the driver or the package webgpu ended the process \(.*\)\.$/);
  const endless = await run(`${ADAPTERS} setInterval(() => {}, 1000);`);
  assert.deepEqual(endless, { lines: found, problem: 'it did not answer in time.' });
});
