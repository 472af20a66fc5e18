/**
 * A build of the kernels exports one symbol. The linker merges functions of the same name that several builds export, and would use one with
 * instructions that the processor may not have.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { root } from '../cli/command.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const has = (program: string) => spawnSync(program, ['--version']).status === 0;
const skip = has('g++') && has('nm') ? false : 'g++ or nm is missing';

/** Flags of builds that together have all the code. */
const BUILDS: Readonly<Record<string, readonly string[]>> = {
  'of four floats': ['-DVW=4', '-DNO_FMA'],
  ...(process.arch === 'x64' && {
    'with AMX': ['-DVW=16', '-march=x86-64-v4', '-mavx512bf16', '-mamx-tile', '-mamx-bf16'],
  }),
};

/** The symbols that other object files see. Without optimization, the compiler inlines few functions, so none is missing. */
function exported(context: TestContext, flags: readonly string[]): string[] {
  const object = join(temporaryFolder(context), 'kernels.o');
  const source = join(root, 'native', 'kernels', 'kernels.cpp');
  const words = ['-std=c++17', '-O0', '-w', '-fno-exceptions', '-DKERNELS_NAME=kernels_of_test', ...flags];
  const compiled = spawnSync('g++', [...words, '-c', source, '-o', object], { encoding: 'utf8' });
  assert.equal(compiled.status, 0, compiled.stderr);
  const { stdout } = spawnSync('nm', ['-C', '-g', '--defined-only', object], { encoding: 'utf8' });
  return stdout
    .trim()
    .split('\n')
    .map((line) => line.replace(/^\S+ \S /, ''));
}

for (const [name, flags] of Object.entries(BUILDS)) {
  test(`a build of the kernels ${name} exports their entry point alone`, { skip }, (context) => {
    assert.deepEqual(exported(context, flags), ['kernels_of_test']);
  });
}
