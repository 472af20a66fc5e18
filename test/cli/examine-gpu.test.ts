/** The child process that examines the GPU may print anything, crash, or never end. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { reportOf, runGpuChild } from '../../src/cli/run/examine-gpu.ts';
import type { AdapterFacts } from '../../src/engine/webgpu/device.ts';
import { temporaryFolder } from '../temporary-folder.ts';

/** Milliseconds in which even a busy machine starts Node. */
const PATIENCE = 8000;
const ADAPTERS = `console.log(JSON.stringify({ adapters: [{ number: 0, name: 'a GPU' }] }));`;

test('a child that crashes or hangs leaves what it has found', async (context) => {
  const folder = temporaryFolder(context);
  const run = (code: string, startTime = 60_000) => {
    const program = join(folder, 'child.mjs');
    writeFileSync(program, `console.error('noise'); console.log('noise {');\n${code}`);
    return runGpuChild(program, 0, startTime);
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
  const endless = await run(`${ADAPTERS} setInterval(() => {}, 1000);`, PATIENCE);
  assert.deepEqual(endless, { lines: found, problem: 'it did not answer in time.' });
});

test('a child has time for each measurement', async (context) => {
  const program = join(temporaryFolder(context), 'child.mjs');
  writeFileSync(
    program,
    `${ADAPTERS}
    for (const gpu of [0, 1]) {
      await new Promise((resolve) => setTimeout(resolve, ${0.6 * PATIENCE}));
      console.log(JSON.stringify({ engine: { engine: 'webgpu', gpu } }));
    }`,
  );
  const { lines } = await runGpuChild(program, 0, PATIENCE);
  assert.equal(lines.length, 3);
});

test('each GPU is measured; those that were not have the reason', () => {
  const adapter = (number: number | undefined, twin?: number) =>
    ({ number, twin, name: 'a GPU' }) as AdapterFacts;
  const adapters = [adapter(0), adapter(undefined), adapter(1), adapter(2, 1)];
  const [first, second] = [0, 1].map((gpu) => ({ engine: 'webgpu', gpu, milliseconds: 3 }) as const);
  if (!(first && second)) throw new Error('two engines');
  const problem = 'the driver crashed.';
  const engines = (...lines: Parameters<typeof reportOf>[0]['lines']) => reportOf({ lines, problem }).engines;
  assert.deepEqual(engines({ adapters }, { engine: first }, { engine: second }), [first, second]);
  assert.deepEqual(engines({ adapters }, { engine: first }), [first, { engine: 'webgpu', gpu: 1, problem }]);
  assert.deepEqual(engines({ adapters: [adapter(0)] }), [{ engine: 'webgpu', problem }]);
  assert.deepEqual(engines(), [{ engine: 'webgpu', problem }]);
});
