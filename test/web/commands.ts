/** The commands that the pages show, and what they write. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import type { Page } from 'playwright-core';
import { program, root } from '../cli/command.ts';
import { setOptions } from './actions.ts';
import { textOf } from './text.ts';

/** Symbols that Write writes. */
const LENGTH = 120;

export interface Written {
  /** The text that the page shows, with its line ends. */
  readonly text: string;
  /** The words of the command below it, without `npx char-rnn`. */
  readonly words: string[];
}

/**
 * Writes a text with the open model.
 *
 * @param settings Of the fields, by option.
 */
export async function written(
  page: Page,
  prompt: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<Written> {
  await page.getByLabel('prompt').first().fill(prompt);
  await setOptions(page, settings);
  await page.getByLabel('length').fill(String(LENGTH));
  return writtenAfter(page, () => page.getByRole('button', { name: 'Write', exact: true }).click());
}

/** Starts to write in some way, and waits for the end of the text. */
export async function writtenAfter(page: Page, start: () => Promise<void>): Promise<Written> {
  const texts = page.locator('main .inline option');
  const before = Math.max(await texts.count(), await page.locator('.command').count());
  await start();
  // The first text has no list of branches.
  if (before === 0) await page.locator('.command').waitFor();
  else await texts.nth(before).waitFor({ state: 'attached' });
  await page.locator('.text-view[aria-busy="false"]').waitFor();
  const command = await page.locator('.command code').innerText();
  return { text: await textOf(page), words: splitCommand(command.replace(/^npx char-rnn /, '')) };
}

/** What `char-rnn sample` writes, without the line end that it adds. */
export function sampled(words: readonly string[], cwd = root): string {
  const { stdout, stderr, status } = spawnSync(process.execPath, [program, ...words], {
    encoding: 'utf8',
    cwd,
  });
  assert.equal(status, 0, stderr);
  assert.ok(stdout.endsWith('\n'));
  return stdout.slice(0, -1);
}

/** What a command with a pipe in it writes in a shell, without the line end that it adds. */
export function piped(command: string, cwd: string): Buffer {
  const line = command.replace('npx char-rnn', () => `'${process.execPath}' '${program}'`);
  const { stdout, stderr, status } = spawnSync('sh', ['-c', line], { cwd });
  assert.equal(status, 0, stderr.toString());
  return stdout.subarray(0, -1);
}

/** The bytes of a text of a model over bytes, as the page shows it. */
export function bytesOf(text: string): Buffer {
  const parts = text.split(/\\x([0-9A-F]{2})/);
  return Buffer.concat(parts.map((part, at) => Buffer.from(part, at % 2 === 1 ? 'hex' : 'utf8')));
}

/** The words of a command as a POSIX shell splits them: only single quotes are used. */
export function splitCommand(command: string): string[] {
  return Array.from(command.matchAll(/'((?:[^']|'\\'')*)'|(\S+)/g), ([, quoted, plain]) =>
    (quoted ?? plain ?? '').replaceAll("'\\''", "'"),
  );
}
