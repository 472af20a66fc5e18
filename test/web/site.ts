/** The static site on this machine, for tests in a browser: the built pages, the kernels and the example model. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer, type OutgoingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { after, afterEach, before } from 'node:test';
import { type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { buildPages } from '../../scripts/build-pages.mjs';
import { pageFiles } from '../../src/ui/server/pages.node.ts';
import { executablePath } from '../browser/page.ts';
import { PATIENCE } from './eventually.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
};

export interface OpenBrowser {
  /** Opens a page, and records its errors, violations of its policy, and requests to other origins. */
  open(address: string, options?: BrowserContextOptions): Promise<Page>;
  /** What went wrong on the pages so far. */
  readonly problems: string[];
  /** The paths that the servers were asked for. */
  readonly requested: string[];
  /** Serves the files of a folder. @returns the address, without a slash at the end */
  serveFiles(folder: string, find?: FindFile, headers?: OutgoingHttpHeaders): Promise<string>;
  /** Closes every page: one that is open when its server goes away reports that it lost it. */
  closePages(): Promise<void>;
  close(): Promise<void>;
}

/** The content of a file that is not in the folder; undefined if it may be. */
type FindFile = (path: string) => Promise<Uint8Array | undefined>;

export async function openBrowser(flags: readonly string[] = []): Promise<OpenBrowser> {
  const browser = await chromium.launch({
    executablePath: executablePath as string,
    args: ['--no-sandbox', ...flags],
  });
  const problems: string[] = [];
  const requested: string[] = [];
  const servers: Server[] = [];
  return {
    ...{ problems, requested },
    async open(address, options) {
      const { origin } = new URL(address);
      const context = await browser.newContext(options);
      context.setDefaultTimeout(PATIENCE);
      // Also those of workers.
      context.on('request', (request) => {
        const url = request.url().replace(/^blob:/, '');
        if (!url.startsWith(`${origin}/`) && !url.startsWith('data:')) problems.push(`left: ${url}`);
      });
      const page = await context.newPage();
      page.on('pageerror', (error) => problems.push(error.stack ?? String(error)));
      page.on('console', (message) => {
        if (message.type() === 'error') problems.push(message.text());
      });
      await page.goto(address);
      return page;
    },
    async serveFiles(folder, find = async () => undefined, headers = {}) {
      const server = createServer(async ({ url = '/' }, response) => {
        const path = url.split('?')[0] as string;
        requested.push(path);
        const file = join(folder, path === '/' ? 'index.html' : path);
        const body = (await find(path)) ?? (await readFile(file).catch(() => undefined));
        const type = TYPES[extname(file)] ?? 'application/octet-stream';
        response.writeHead(body ? 200 : 404, { 'Content-Type': type, ...headers });
        response.end(body);
      });
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    },
    async closePages() {
      for (const context of browser.contexts()) await context.close();
    },
    async close() {
      await browser.close();
      for (const server of servers) server.close();
    },
  };
}

export interface Site {
  readonly url: string;
  /** Opens a page, and fails the test for errors of the page, violations of its policy, and requests to other origins. */
  open(path: string, options?: BrowserContextOptions): Promise<Page>;
  /** What went wrong on the pages so far. */
  readonly problems: string[];
  /** The paths that the host was asked for, such as `/models/moby-dick.safetensors`. */
  readonly requested: string[];
  close(): Promise<void>;
}

export interface SiteOptions {
  /** Whether its pages are cross-origin isolated, and so have shared memory. Default: true. */
  readonly isolated?: boolean;
  /** A Content-Security-Policy of the host, besides that of the pages. */
  readonly policy?: string;
  /** Flags of Chromium. */
  readonly browserFlags?: readonly string[];
}

/** @param folder Where the pages are built. */
export async function openSite(
  folder: string,
  { isolated = true, policy, browserFlags = [] }: SiteOptions = {},
): Promise<Site> {
  await buildPages(folder);
  const files = pageFiles('site', folder);
  const browser = await openBrowser(browserFlags);
  const find: FindFile = async (path) =>
    /^\/(kernels|models)\//.test(path) ? files.get(path.slice(1))?.read() : undefined;
  const headers = {
    ...(isolated && {
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Embedder-Policy': 'require-corp',
    }),
    ...(policy !== undefined && { 'Content-Security-Policy': policy }),
  };
  const url = `${await browser.serveFiles(folder, find, headers)}/`;
  return {
    ...{ url, problems: browser.problems, requested: browser.requested },
    open: (path, options) => browser.open(url + path, options),
    close: () => browser.close(),
  };
}

/** The site for the tests of a `describe`, opened before them. A problem of its pages fails the test that it is found in. */
export function sharedSite(folder: string): () => Site {
  let site: Site | undefined;
  before(async () => {
    site = await openSite(join(folder, 'site'));
  });
  after(() => site?.close());
  afterEach(() => assert.deepEqual(site?.problems.splice(0), []));
  return () => site as Site;
}
