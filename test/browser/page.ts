/** A page in headless Chromium, served from this machine. */
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type BuildOptions, build } from 'esbuild';
import { chromium, type Page } from 'playwright-core';

export const executablePath = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find(existsSync);

/** The reason for skipping tests that need a page; false if there is a browser. */
export const skipWithoutChromium = executablePath ? false : 'no Chromium here';

/** Bundles a program into one script for a page. Its exports are in the global variable `page`. */
export async function bundle(options: BuildOptions): Promise<string> {
  const { outputFiles } = await build({
    bundle: true,
    platform: 'browser',
    format: 'iife',
    globalName: 'page',
    minify: true,
    ...options,
    write: false,
  });
  return outputFiles?.[0]?.text ?? '';
}

const ISOLATED = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/** How a page is served. */
export interface PageSettings {
  /** Whether it is cross-origin isolated, and so has shared memory. */
  readonly isolated: boolean;
  /** Its Content-Security-Policy. */
  readonly policy?: string | undefined;
  /** A script that it loads from its own server. */
  readonly script?: string | undefined;
  /** Flags of Chromium. */
  readonly browserFlags?: readonly string[] | undefined;
}

/** Opens a page that is empty except for its script, and closes the browser and the server afterwards. */
export async function withPage<T>(settings: PageSettings, use: (page: Page) => Promise<T>): Promise<T> {
  const { isolated, policy, script, browserFlags = [] } = settings;
  const server = createServer(({ url }, response) => {
    const isScript = url === '/page.js';
    response.writeHead(200, {
      'Content-Type': isScript ? 'text/javascript' : 'text/html',
      ...(isolated && ISOLATED),
      ...(policy && { 'Content-Security-Policy': policy }),
    });
    response.end(
      isScript
        ? script
        : `<!doctype html><title>test</title>${script ? '<script src="/page.js" defer></script>' : ''}`,
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const browser = await chromium.launch({
    executablePath: executablePath as string,
    args: ['--no-sandbox', ...browserFlags],
  });
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    return await use(page);
  } finally {
    await browser.close();
    server.close();
  }
}
