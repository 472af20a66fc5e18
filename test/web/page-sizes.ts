/** What the pages load, in bytes as a server sends them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { type KernelBuild, kernelBytes } from '../../src/engine/cpu/wasm-kernels.ts';
import type { Site } from './site.ts';

/** The scripts of the page that are loaded at once: the program and what it imports, without the worker. */
export function pageScripts(folder: string): string[] {
  const entry = readdirSync(folder).find((name) => /^main-.*\.js$/.test(name)) as string;
  const found = new Set([entry]);
  for (const name of found) {
    const code = readFileSync(join(folder, name), 'utf8');
    for (const [, imported] of code.matchAll(/(?:from|import)"\.\/([^"]+)"/g)) found.add(imported as string);
  }
  return [...found];
}

/**
 * What a browser without a service worker fetches to write with the example model, not counting the model: the page with its style sheet
 * and program, the worker with everything that it loads, and a kernel.
 */
export async function loadedFiles(site: Site): Promise<string[]> {
  const before = site.requested.length;
  const page = await site.open('#/write', { serviceWorkers: 'block' });
  await page.getByRole('button', { name: 'Open the example model' }).click();
  await page.getByRole('button', { name: 'Write', exact: true }).click();
  await page.getByText('characters a second').waitFor();
  await page.context().close();
  const names = site.requested.slice(before).map((path) => (path === '/' ? 'index.html' : path.slice(1)));
  return [...new Set(names)].filter((name) => !name.startsWith('models/'));
}

/** Bytes of files of a site, each compressed as much as possible. */
export async function sizeOf(
  folder: string,
  names: readonly string[],
  how: 'gzip' | 'brotli',
): Promise<number> {
  let sum = 0;
  for (const name of names) {
    const [, build] = /^kernels\/(.+)-\w{8}\.wasm$/.exec(name) ?? [];
    const bytes = build ? await kernelBytes(build as KernelBuild) : readFileSync(join(folder, name));
    sum += how === 'gzip' ? gzipSync(bytes, { level: 9 }).length : brotliCompressSync(bytes).length;
  }
  return sum;
}
