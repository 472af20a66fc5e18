/** Folders for tests that write files. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';

/** A new folder for all tests of a file, removed when they have ended. */
export function sharedFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'char-rnn-test-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A new folder that is removed when the test ends. */
export function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'char-rnn-test-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Makes a folder the working folder until the test ends, so that runs in the checkout, as those of `npm start`, do not matter. */
export function workIn(context: TestContext, folder: string): void {
  const before = process.cwd();
  context.after(() => process.chdir(before));
  process.chdir(folder);
}
