/** What the result of a training was made with: kept next to it, so that it is not taken for the result of something else. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Provenance {
  /** SHA-256 of the text's bytes. */
  readonly text: string;
  /** Flags of `train`. */
  readonly flags: readonly string[];
  /** The commit of this checkout, and a hash of what tracked files add to it. The program must have been built from them. */
  readonly commit: string;
}

/** What a training begun now would be made with. */
export function provenanceOf(text: string, flags: readonly string[]): Provenance {
  return { text: sha256(readFileSync(text)), flags, commit: commitOfCheckout() };
}

/** The commit of this checkout and, if tracked files differ from it, a hash of the differences: `7f30f7471c2d + 0a1b2c3d4e5f`. */
export function commitOfCheckout(): string {
  const head = git('rev-parse', '--short=12', 'HEAD').toString().trim();
  const changes = git('diff', 'HEAD');
  return changes.length > 0 ? `${head} + ${sha256(changes).slice(0, 12)}` : head;
}

function git(...words: readonly string[]): Buffer {
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  return execFileSync('git', words, { cwd, maxBuffer: 2 ** 28 });
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * Claims a folder for the result of a training: records in a new one what the result is made with.
 *
 * @throws {Error} if the folder has a training that was made with something else
 */
export function claimFolder(folder: string, made: Provenance): void {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'made-with.json');
  if (readdirSync(folder).length === 0) writeFileSync(file, JSON.stringify(made));
  const known = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Partial<Provenance>) : {};
  for (const key of ['text', 'flags', 'commit'] as const) {
    const [was, is] = [known[key], made[key]].map((value) => JSON.stringify(value) ?? 'unknown');
    if (was !== is)
      throw new Error(`${folder} was made with ${key} ${was}, not ${is}: move it away to train again`);
  }
}
