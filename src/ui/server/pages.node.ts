/** The files of the pages: as they were built, the kernels, and the example model. Their names are looked up in a list, so no path leads elsewhere. */
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KERNEL_BUILDS, type KernelBuild, kernelBytes } from '../../engine/cpu/wasm-kernels.ts';

/** Names with a hash of the content, as esbuild writes them. */
const HASHED = /-[0-9A-Z]{8}\.[a-z0-9]+$/;
/** The list of files that a later build has replaced, and that a running program may still need (scripts/build.mjs). */
const REPLACED = '.npmignore';
/** Other files of the pages. */
const NAMED = /^(index\.html|service-worker\.js|.+\.(svg|png|webmanifest))$/;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
};

/** Where the build puts the pages. */
export const PAGES_FOLDER = packaged('dist/ui');
const EXAMPLE_MODEL = packaged('models/moby-dick.safetensors');

/** A file of the package. This module is equally deep in the source and in the package. */
function packaged(path: string): string {
  return fileURLToPath(new URL(`../../../${path}`, import.meta.url));
}

export interface PageFile {
  /** Relative to the page, with slashes. */
  readonly path: string;
  readonly type: string;
  /** Whether its content never changes. */
  readonly isImmutable: boolean;
  read(): Promise<Uint8Array<ArrayBuffer>>;
}

/** Which source the page reads runs from. */
export type PageSource = 'server' | 'snapshot' | 'site';

/**
 * All files, by their paths.
 *
 * @param folder The built pages. If they were not built, a page says so.
 */
export function pageFiles(source: PageSource, folder = PAGES_FOLDER): ReadonlyMap<string, PageFile> {
  const files = builtFiles(folder).map((name) => builtFile(folder, name, source));
  if (!files.some(({ path }) => path === 'index.html')) files.push(notBuilt(folder));
  const hash = kernelsHash(folder);
  const kernels = hash === undefined ? [] : KERNEL_BUILDS.map((build) => kernelFile(build, hash));
  return new Map([...files, ...kernels, exampleModel()].map((file) => [file.path, file]));
}

function builtFiles(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
    const names = entries.map(({ name }) => name);
    const replaced = names.includes(REPLACED) ? readFileSync(join(folder, REPLACED), 'utf8').split('\n') : [];
    return names.filter((name) => (HASHED.test(name) || NAMED.test(name)) && !replaced.includes(name));
  } catch {
    return [];
  }
}

function builtFile(folder: string, name: string, source: PageSource): PageFile {
  const path = join(folder, name);
  return {
    path: name,
    type: TYPES[extname(name)] ?? 'application/octet-stream',
    isImmutable: HASHED.test(name),
    async read() {
      if (name !== 'index.html') return new Uint8Array(await readFile(path));
      return new TextEncoder().encode(withSource(readFileSync(path, 'utf8'), source));
    },
  };
}

/** Tells the page where its runs come from. If there are any, it begins with Runs, whose files `data-runs` names. */
function withSource(html: string, source: PageSource): string {
  const meta = /<meta name="source" content="[a-z]*"(?: data-runs="([^"]*)")?>/;
  const runs = source === 'site' ? '' : (meta.exec(html)?.[1] ?? '');
  const preloads = runs.split(' ').map((name) => name && `<link rel="modulepreload" href="${name}">\n`);
  // After the style sheet, without which nothing is drawn.
  return html
    .replace(meta, `<meta name="source" content="${source}">`)
    .replace('</head>', `${preloads.join('')}</head>`);
}

/** The hash in the names of the kernels, with which the pages were built; undefined if they were not built. */
function kernelsHash(folder: string): string | undefined {
  try {
    const html = readFileSync(join(folder, 'index.html'), 'utf8');
    return /<meta name="kernels" content="(\w+)">/.exec(html)?.[1];
  } catch {
    return undefined;
  }
}

function kernelFile(build: KernelBuild, hash: string): PageFile {
  return {
    path: `kernels/${build}-${hash}.wasm`,
    type: 'application/wasm',
    isImmutable: true,
    read: () => kernelBytes(build),
  };
}

function exampleModel(): PageFile {
  return {
    path: 'models/moby-dick.safetensors',
    type: 'application/octet-stream',
    isImmutable: false,
    read: async () => new Uint8Array(await readFile(EXAMPLE_MODEL)),
  };
}

function notBuilt(folder: string): PageFile {
  const html = `<!doctype html><html lang="en"><meta charset="utf-8"><title>char-rnn</title>
<p>The pages were not built: there is no index.html in ${folder.replace(/[&<>]/g, (char) => `&#${char.charCodeAt(0)};`)}.
<p>In a checkout of char-rnn, <code>npm run build</code> builds them.</html>\n`;
  return {
    path: 'index.html',
    type: 'text/html; charset=utf-8',
    isImmutable: false,
    read: async () => new TextEncoder().encode(html),
  };
}
