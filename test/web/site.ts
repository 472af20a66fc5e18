/** The static site on this machine, for tests in a browser: the built pages, the kernels and the example model. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { buildPages } from '../../scripts/build-pages.mjs';
import { KERNEL_BUILDS, kernelBytes } from '../../src/engine/cpu/wasm-kernels.ts';
import { executablePath } from '../browser/page.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
};

export interface Site {
  readonly url: string;
  readonly browser: Browser;
  /** Opens a page, and fails the test for errors of the page, violations of its policy, and requests to other origins. */
  open(path: string, options?: BrowserContextOptions): Promise<Page>;
  /** What went wrong on the pages so far. */
  readonly problems: readonly string[];
  close(): Promise<void>;
}

export interface SiteOptions {
  /** Whether its pages are cross-origin isolated, and so have shared memory. Default: true. */
  readonly isolated?: boolean;
  /** Flags of Chromium. */
  readonly browserFlags?: readonly string[];
}

/** @param folder Where the pages are built. */
export async function openSite(
  folder: string,
  { isolated = true, browserFlags = [] }: SiteOptions = {},
): Promise<Site> {
  await buildPages(folder);
  const kernels = new Map<string, Uint8Array>();
  for (const build of KERNEL_BUILDS) kernels.set(`/kernels/${build}.wasm`, await kernelBytes(build));
  const server = createServer(async ({ url = '/' }, response) => {
    const path = url.split('?')[0] as string;
    const file = path.startsWith('/models/')
      ? join(root, path)
      : join(folder, path === '/' ? 'index.html' : path);
    const body = kernels.get(path) ?? (await readFile(file).catch(() => undefined));
    response.writeHead(body ? 200 : 404, {
      'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream',
      ...(isolated && {
        'Cross-Origin-Opener-Policy': 'same-origin',
        'Cross-Origin-Embedder-Policy': 'require-corp',
      }),
    });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const browser = await chromium.launch({
    executablePath: executablePath as string,
    args: ['--no-sandbox', ...browserFlags],
  });
  const problems: string[] = [];
  return {
    ...{ url, browser, problems },
    async open(path, options) {
      const context = await browser.newContext(options);
      const page = await context.newPage();
      page.on('pageerror', (error) => problems.push(error.stack ?? String(error)));
      page.on('console', (message) => {
        if (message.type() === 'error') problems.push(message.text());
      });
      page.on('request', (request) => {
        if (!/^(blob:)?http:\/\/127\.0\.0\.1:|^data:/.test(request.url()))
          problems.push(`left: ${request.url()}`);
      });
      await page.goto(url + path);
      return page;
    },
    async close() {
      await browser.close();
      server.close();
    },
  };
}
