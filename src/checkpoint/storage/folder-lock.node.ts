/**
 * One training at a time in a folder.
 *
 * Every training that wants the folder puts a lock file of its own there, under a name that no other has, and then looks for those of
 * others. Who sees no other that lives has the folder. Since each writes before it looks, of two that come at once at least one sees
 * the other, and gives way; a file of a process that is gone can be taken away by anybody, since its name is never used again. So
 * there is no moment at which two that take over the same lock both get it, as there is with one name for all.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, unlinkSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import * as z from 'zod/mini';
import { CheckpointError, type Remedy } from '../../errors.ts';
import { type Liveness, livenessOf, thisProcess } from '../../util/process-identity.node.ts';
import { numberedFolder } from './numbered-folder.node.ts';
import { writeWhole } from './whole-file.node.ts';

const LOCK_NAME = /^\.training-[0-9a-f]{12}\.lock$/;

const holderSchema = z.object({
  host: z.string(),
  pid: z.int().check(z.minimum(1)),
  bootId: z.optional(z.string()),
  processStart: z.optional(z.string()),
  /** ISO 8601. */
  since: z.string(),
});

type Holder = z.output<typeof holderSchema>;

interface Other {
  readonly path: string;
  /** Undefined for a file that can't be understood. */
  readonly holder: Holder | undefined;
  readonly liveness: Liveness;
}

/** One that is older than this has the folder; a younger one may be giving way just now. */
const SETTLED_AFTER = 1000;
const MOST_TRIES = 50;
/** Milliseconds to wait before the next try, at random up to this: two that gave way to each other do not come back at once. */
const LONGEST_WAIT = 150;

export class FolderLock {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * @throws {CheckpointError} `checkpoint-locked` when a training that lives, or may live, has the folder
   * @throws an error of the system when the folder can't be written
   */
  static async take(folder: string): Promise<FolderLock> {
    for (let tries = 1; ; tries++) {
      const path = join(folder, `.training-${randomBytes(6).toString('hex')}.lock`);
      const lock = new FolderLock(path);
      const holder: Holder = { ...thisProcess(), since: new Date().toISOString() };
      held.add(path);
      try {
        await writeWhole(path, [new TextEncoder().encode(`${JSON.stringify(holder)}\n`)], 'training');
        const [other] = await othersIn(folder, path);
        if (!other) return lock;
        if (isSettled(other) || tries === MOST_TRIES) throw refusal(folder, other);
      } catch (error) {
        lock.release();
        // Who has got the folder takes away what is half written there, a lock that is being written among it.
        if (tries === MOST_TRIES || !isMissing(error)) throw error;
      }
      lock.release();
      await setTimeout(Math.random() * LONGEST_WAIT);
    }
  }

  /** Whether the lock is still there: it goes with a folder that somebody deletes. */
  get isThere(): boolean {
    return existsSync(this.#path);
  }

  release(): void {
    held.delete(this.#path);
    removeIfThere(this.#path);
  }
}

/** The lock files of this process, which go with it however it ends, unless it is killed. */
const held = new Set<string>();
process.on('exit', () => {
  for (const path of held) removeIfThere(path);
});

function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // The folder was moved or removed: a lock whose process is gone holds nobody up.
  }
}

function isMissing(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'ENOENT';
}

/** The locks of others that live or may live; those of processes that are gone are taken away. */
async function othersIn(folder: string, own: string): Promise<Other[]> {
  const others: Other[] = [];
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (!LOCK_NAME.test(name) || path === own) continue;
    // A lock that was given back meanwhile is none; one that may not be read is that of somebody unknown.
    const json = await readFile(path, 'utf8').catch((error) => (isMissing(error) ? undefined : ''));
    if (json === undefined) continue;
    const holder = parseHolder(json);
    const liveness = holder ? livenessOf(holder) : 'unknown';
    if (liveness === 'gone') await rm(path, { force: true });
    else others.push({ path, holder, liveness });
  }
  return others;
}

function parseHolder(json: string): Holder | undefined {
  try {
    return holderSchema.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
}

function isSettled({ holder }: Other): boolean {
  return holder === undefined || !(Date.now() - Date.parse(holder.since) < SETTLED_AFTER);
}

function refusal(folder: string, { path, holder, liveness }: Other): CheckpointError {
  const who = holder
    ? `process ${holder.pid} on ${holder.host}, since ${holder.since}`
    : 'by an unknown process: its lock file does not say which';
  const removal =
    liveness === 'running'
      ? ''
      : ` If that training has ended, remove its lock: rm '${path.replaceAll("'", "'\\''")}'`;
  return new CheckpointError(
    'checkpoint-locked',
    `${folder}: a training is under way there, ${who}.${removal}`,
    {
      remedies: [{ ...OTHER_FOLDER, set: { checkpointDir: numberedFolder(folder, 2) } }],
    },
  );
}

export const OTHER_FOLDER: Remedy = {
  text: 'Write to another folder',
  set: { checkpointDir: 'another-folder' },
};
