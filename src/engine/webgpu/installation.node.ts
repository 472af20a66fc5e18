/** Whether the package `webgpu` is installed, and how to install it. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The version that our package.json names as a peer dependency. */
const WANTED = 'webgpu@0.6';

export interface WebGpuInstallation {
  /** Undefined if it is not installed. */
  readonly version: string | undefined;
  /** The command that installs it where this program finds it. */
  readonly command: string;
}

export function webgpuInstallation(from: string = fileURLToPath(import.meta.url)): WebGpuInstallation {
  return { version: installedVersion(from), command: installCommand(from) };
}

/** The version, without loading the package, which takes a while. */
function installedVersion(from: string): string | undefined {
  try {
    let folder = dirname(createRequire(from).resolve('webgpu'));
    // Its package.json is not exported, and so is found by its path.
    while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
    return String(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version);
  } catch {
    return undefined;
  }
}

/** npm installs globally into a folder without a package.json, and for npx into a cache, which it may delete. */
function installCommand(from: string): string {
  const parts = from.split(sep);
  const index = parts.lastIndexOf('node_modules');
  // In a checkout, npm would leave out a peer that is optional and not saved.
  if (index < 0) return `npm install --no-save --save-dev ${WANTED}`;
  if (parts.includes('_npx')) return `npx --package char-rnn-ts --package ${WANTED} char-rnn`;
  const project = parts.slice(0, index).join(sep);
  const isGlobal = !existsSync(join(project, 'package.json'));
  return `npm install ${isGlobal ? '--global ' : ''}${WANTED}`;
}
