/** `char-rnn build-native`: compiles the native engine from the sources that come with the package. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UnsupportedError, UsageError } from '../../errors.ts';
import { cacheDir } from '../../util/cache-dir.node.ts';
import { commandLine } from '../arguments/command-line.ts';
import type { CommandInput } from '../command.ts';
import { EXIT_FAILURE } from '../exit-codes.ts';
import { compilerHint, hasCompiler } from '../report/native-offer.ts';

const packageFolder = fileURLToPath(new URL('../../..', import.meta.url));

export async function runBuildNative({ positionals }: CommandInput): Promise<number> {
  if (positionals.length > 0) {
    throw new UsageError(`build-native takes no arguments, got ${positionals.join(' ')}`);
  }
  const folder = isWritable(packageFolder)
    ? join(packageFolder, 'build', 'native')
    : join(cacheDir(), 'native');
  checkCanBuild();
  process.stdout.write(`compiling into ${folder} …\n`);
  const script = join(packageFolder, 'scripts', 'build-native.mjs');
  const { status } = spawnSync(process.execPath, [script, '--to', folder], { stdio: 'inherit' });
  if (status !== 0) return EXIT_FAILURE;
  process.stdout.write(`built. To measure it: ${commandLine(['doctor'])}\n`);
  return 0;
}

/** @throws {UnsupportedError} if Windows or a missing compiler prevents the build */
function checkCanBuild(): void {
  if (process.platform === 'win32') {
    throw new UnsupportedError('the native engine cannot be built on Windows. In WSL it can.');
  }
  if (hasCompiler()) return;
  const { CXX } = process.env;
  const reason = CXX ? `CXX is ${CXX}, which does not run` : 'there is no C++ compiler here';
  throw new UnsupportedError(`the native engine was not built: ${reason}.`, {
    remedies: [{ text: `Install a compiler (${compilerHint()}), then`, command: ['build-native'] }],
  });
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
