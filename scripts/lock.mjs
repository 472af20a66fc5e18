/** One of several processes at a time. */
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds after which nobody works any more. */
const MAX_TIME = 300_000;

/**
 * Runs something while no other process holds the lock file. It holds the process's number; one whose process is gone, or that
 * is five minutes old, is taken over.
 *
 * @template T
 * @param {string} path of the lock file; its folder is made
 * @param {() => T} run
 * @returns {Promise<T>}
 */
export async function withLock(path, run) {
  mkdirSync(dirname(path), { recursive: true });
  while (!take(path)) {
    if (isAbandoned(path)) rmSync(path, { force: true });
    else await sleep(100);
  }
  try {
    return run();
  } finally {
    rmSync(path, { force: true });
  }
}

function take(path) {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function isAbandoned(path) {
  try {
    // First, since its number may have gone to another process, of another user too.
    if (Date.now() - statSync(path).mtimeMs > MAX_TIME) return true;
    const pid = Number(readFileSync(path, 'utf8'));
    // A file that is still empty is being written.
    if (pid > 0) process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}
