/** How often threads wait for each other in an iteration: bench/threads.ts and docs/benchmarks.md compute with these numbers. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../cli/command.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const hasCompiler = spawnSync('g++', ['--version'], { stdio: 'ignore' }).status === 0;
const skip = process.arch === 'x64' && hasCompiler ? false : 'needs g++ on x64';

test('an iteration of two layers: all threads wait 18 times and, if crews divide the units, those of a crew 200 times', {
  skip,
}, (context) => {
  const program = join(temporaryFolder(context), 'instructions');
  const flags = ['-std=c++17', '-O1', '-ffp-contract=off', '-fno-math-errno', '-w', '-pthread'];
  const kernels = ['-DVW=4', '-DNO_FMA', '-DKERNELS_NAME=kernels', '-I', 'native/kernels'];
  execFileSync('g++', [...flags, ...kernels, 'bench/instructions.cpp', '-o', program], { cwd: root });
  const outputs = [1, 2, 16].map((threads) =>
    execFileSync(program, ['128', 'off', '50', String(threads)], { encoding: 'utf8' }),
  );
  const [alone = '', two, many] = outputs;
  assert.equal(two, `${alone}waits: 18 of all threads, 0 of a crew\n`);
  assert.equal(many, `${alone}waits: 18 of all threads, 200 of a crew\n`);
});
