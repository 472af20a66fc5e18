/** How to install optional packages. */
import { existsSync } from 'node:fs';
import { join, sep } from 'node:path';

/**
 * The command that installs an optional package where this program finds it.
 *
 * npm installs globally into a folder without a package.json, and for npx into a cache, which it may delete.
 *
 * @param wanted The package, with its version: `webgpu@0.6`.
 * @param from A module of this program.
 */
export function installCommand(wanted: string, from: string): string {
  const parts = from.split(sep);
  const index = parts.lastIndexOf('node_modules');
  // In a checkout, npm would leave out a peer that is optional and not saved.
  if (index < 0) return `npm install --no-save --save-dev ${wanted}`;
  if (parts.includes('_npx')) return `npx --package char-rnn-ts --package ${wanted} char-rnn`;
  const project = parts.slice(0, index).join(sep);
  const isGlobal = !existsSync(join(project, 'package.json'));
  return `npm install ${isGlobal ? '--global ' : ''}${wanted}`;
}
