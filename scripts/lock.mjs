/** Lets only one of several processes run something at a time. */
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds after which a lock is stale, whatever its process. */
const MAX_TIME = 300_000;

/**
 * Runs a function while holding a lock file, which contains the number of its process. A lock file is stale, and is deleted, if its process
 * has ended or if it is five minutes old.
 *
 * @template T
 * @param {string} path of the lock file; its folder is created
 * @param {() => T | Promise<T>} run
 * @returns {Promise<T>}
 */
export async function withLock(path, run) {
  mkdirSync(dirname(path), { recursive: true });
  while (!acquire(path)) {
    if (!deleteIfStale(path)) await sleep(100);
  }
  try {
    return await run();
  } finally {
    rmSync(path, { force: true });
  }
}

/**
 * Only one process at a time may look and delete: otherwise, one that has found the lock stale could delete the new lock of another.
 *
 * @param {string} path
 */
function deleteIfStale(path) {
  const guard = `${path}.check`;
  if (!acquire(guard)) {
    if (isOld(guard)) rmSync(guard, { force: true });
    return false;
  }
  try {
    const stale = isStale(path);
    if (stale) rmSync(path, { force: true });
    return stale;
  } finally {
    rmSync(guard, { force: true });
  }
}

function acquire(path) {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function isStale(path) {
  try {
    // Checked first, because the number may since have been given to another process, even of another user.
    if (isOld(path)) return true;
    const pid = Number(readFileSync(path, 'utf8'));
    // An empty file is still being written.
    if (pid > 0) process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

/** @param {string} path */
function isOld(path) {
  const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() };
  return Date.now() - mtimeMs > MAX_TIME;
}
