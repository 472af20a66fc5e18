/**
 * Ensures that only one run at a time writes to a folder.
 *
 * Every run writes a lock file with a unique name into the folder, and then looks for the files of others. It holds the folder if no other
 * file belongs to a live process. Since each writes before it looks, at least one of two simultaneous runs sees the other and backs off.
 * Anyone may delete the file of a dead process, because its name is never used again. If all lock files had the same name, two runs that
 * replaced the same stale lock could both get the folder.
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

/** A lock file. */
interface Other {
  readonly path: string;
  /** Undefined for a file that can't be read or parsed. */
  readonly holder: Holder | undefined;
  readonly liveness: Liveness;
}

/** Milliseconds after which the lock of another process counts as held. Before that, the process may still back off. */
const SETTLED_AFTER = 1000;
const MAX_ATTEMPTS = 50;
/** Maximum milliseconds before the next attempt. The wait is random, so that two runs that backed off from each other do not collide again. */
const MAX_WAIT = 150;

export class FolderLock {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * @throws {CheckpointError} `checkpoint-locked` if a run that is active, or may be, holds the folder
   * @throws a system error if the folder can't be written
   */
  static async acquire(folder: string): Promise<FolderLock> {
    for (let attempts = 1; ; attempts++) {
      const path = join(folder, `.training-${randomBytes(6).toString('hex')}.lock`);
      const lock = new FolderLock(path);
      const holder: Holder = { ...thisProcess(), since: new Date().toISOString() };
      held.add(path);
      try {
        await writeWhole(path, [new TextEncoder().encode(`${JSON.stringify(holder)}\n`)], 'training');
        const [other] = await othersIn(folder, path);
        if (!other) return lock;
        if (isSettled(other) || attempts === MAX_ATTEMPTS) throw refusal(folder, other);
      } catch (error) {
        lock.release();
        // The holder of the folder deletes unfinished files there, which may include this lock.
        if (attempts === MAX_ATTEMPTS || !isMissing(error)) throw error;
      }
      lock.release();
      await setTimeout(Math.random() * MAX_WAIT);
    }
  }

  /** Whether the lock file still exists. It is gone if somebody has deleted the folder. */
  get exists(): boolean {
    return existsSync(this.#path);
  }

  release(): void {
    held.delete(this.#path);
    removeIfThere(this.#path);
  }
}

/** The lock files of this process. They are deleted when it exits, unless it is killed. */
const held = new Set<string>();
process.on('exit', () => {
  for (const path of held) removeIfThere(path);
});

function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // The folder was moved or deleted. The lock of a dead process does no harm.
  }
}

function isMissing(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'ENOENT';
}

/** Whether a name is that of a lock file. */
export function isLockName(name: string): boolean {
  return LOCK_NAME.test(name);
}

/** Whether a run holds a folder; `unknown` if its process may have ended. Changes nothing in the folder. */
export async function trainingIn(folder: string): Promise<'running' | 'unknown' | 'none'> {
  const found = (await locksIn(folder).catch(() => [])).map(({ liveness }) => liveness);
  if (found.includes('running')) return 'running';
  return found.includes('unknown') ? 'unknown' : 'none';
}

/** The locks of other processes that run or may be running. Deletes those of dead processes. */
async function othersIn(folder: string, own: string): Promise<Other[]> {
  const others = (await locksIn(folder)).filter(({ path }) => path !== own);
  for (const { path, liveness } of others) if (liveness === 'gone') await rm(path, { force: true });
  return others.filter(({ liveness }) => liveness !== 'gone');
}

async function locksIn(folder: string): Promise<Other[]> {
  const locks: Other[] = [];
  for (const name of (await readdir(folder)).filter(isLockName)) {
    const path = join(folder, name);
    // Ignore a lock that was released meanwhile. The owner of an unreadable lock is unknown.
    const json = await readFile(path, 'utf8').catch((error) => (isMissing(error) ? undefined : ''));
    if (json === undefined) continue;
    const holder = parseHolder(json);
    locks.push({ path, holder, liveness: holder ? livenessOf(holder) : 'unknown' });
  }
  return locks;
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
    : 'in an unknown process: its lock file does not say which';
  const removal =
    liveness === 'running'
      ? ''
      : ` If that run has ended, remove its lock: rm '${path.replaceAll("'", "'\\''")}'`;
  return new CheckpointError(
    'checkpoint-locked',
    `${folder}: another run is training there, ${who}.${removal}`,
    {
      remedies: [{ ...OTHER_FOLDER, set: { checkpointDir: numberedFolder(folder, 2) } }],
    },
  );
}

export const OTHER_FOLDER: Remedy = {
  text: 'Write to another folder',
  set: { checkpointDir: 'another-folder' },
};
