/** Whether the package `webgpu` is installed, and how to install it. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installCommand } from '../../util/install-command.node.ts';

/** The version that our package.json names as a peer dependency. */
const WANTED = 'webgpu@0.6';

export interface WebGpuInstallation {
  /** Undefined if it is not installed. */
  readonly version: string | undefined;
  /** The command that installs it where this program finds it. */
  readonly command: string;
}

export function webgpuInstallation(from: string = fileURLToPath(import.meta.url)): WebGpuInstallation {
  return { version: installedVersion(from), command: installCommand(WANTED, from) };
}

/** The version, without loading the package, which takes a while. */
function installedVersion(from: string): string | undefined {
  try {
    let folder = dirname(createRequire(from).resolve('webgpu'));
    // Its package.json is not exported, so it is found by its path.
    while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
    return String(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version);
  } catch {
    return undefined;
  }
}
