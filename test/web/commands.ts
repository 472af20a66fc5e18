/** The commands that the pages show, and what they write. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import type { Page } from 'playwright-core';
import { program, root } from '../cli/command.ts';
import { setOptions } from './actions.ts';

/** Symbols that Write writes. */
const LENGTH = 120;

/**
 * Writes a text with the open model.
 *
 * @param settings Of the fields, by option.
 * @returns its text without line ends, and the words of the command that the page shows, without `npx char-rnn`
 */
export async function written(
  page: Page,
  prompt: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<{ text: string; words: string[] }> {
  await page.getByLabel('prompt').first().fill(prompt);
  await setOptions(page, settings);
  await page.getByLabel('length').fill(String(LENGTH));
  await page.getByRole('button', { name: 'Write', exact: true }).click();
  await page.getByText('characters a second').waitFor();
  const lines = await page.locator('.text-view-text > div').allInnerTexts();
  const command = await page.locator('.command code').innerText();
  return {
    text: lines.join('').replaceAll('\u200b', ''),
    words: splitCommand(command.replace(/^npx char-rnn /, '')),
  };
}

/** What `char-rnn sample` writes, without line ends. */
export function sampled(words: readonly string[], cwd = root): string {
  const { stdout, stderr, status } = spawnSync(process.execPath, [program, ...words], {
    encoding: 'utf8',
    cwd,
  });
  assert.equal(status, 0, stderr);
  return stdout.replaceAll('\n', '');
}

/** The words of a command as a POSIX shell splits them: only single quotes are used. */
export function splitCommand(command: string): string[] {
  return Array.from(command.matchAll(/'((?:[^']|'\\'')*)'|(\S+)/g), ([, quoted, plain]) =>
    (quoted ?? plain ?? '').replaceAll("'\\''", "'"),
  );
}
