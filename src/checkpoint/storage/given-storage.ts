/** A storage that a program gives: checks it, and turns every error of a save into a `checkpoint-save-failed`. */
import { CheckpointError, OptionError } from '../../errors.ts';
import { kindOf } from '../../util/check-content.ts';
import type { CheckpointStorage } from './storage.ts';

const METHODS = ['prepare', 'close', 'identify', 'list', 'save', 'point', 'remove'] as const;

/** A program's own storage, or `folderStorage`, which has `reserve` too. */
interface GivenStorage extends CheckpointStorage {
  reserve?(): Promise<void>;
}

/**
 * The storage with its errors converted: a database has errors of its own, but a run continues only after a `checkpoint-save-failed`. Its
 * methods may be synchronous.
 *
 * @param option The option that it was given for.
 * @throws {OptionError} for a value that lacks a method of a storage
 */
export function givenStorage(option: string, storage: GivenStorage) {
  checkStorage(option, storage);
  const saving = async <T>(call: () => Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (error) {
      throw error instanceof CheckpointError ? error : saveFailed(storage, error);
    }
  };
  return {
    get place() {
      return storage.place;
    },
    get insteadOf() {
      return storage.insteadOf;
    },
    async reserve() {
      await storage.reserve?.();
    },
    async prepare() {
      await storage.prepare();
    },
    async close() {
      await storage.close();
    },
    identify: (name) => saving(() => storage.identify(name)),
    list: () => saving(() => storage.list()),
    save: (name, parts) => saving(() => storage.save(name, parts)),
    point: (name, path) => saving(() => storage.point(name, path)),
    async remove(path) {
      await storage.remove(path);
    },
  } satisfies GivenStorage;
}

function checkStorage(option: string, value: unknown): void {
  if (typeof value !== 'object' || value === null)
    throw new OptionError(option, `got ${kindOf(value)}, expected a folder's path or a storage`);
  const missing = METHODS.find((name) => typeof (value as Record<string, unknown>)[name] !== 'function');
  if (missing !== undefined)
    throw new OptionError(option, `got an object without the method ${missing}, expected a storage`);
}

function saveFailed({ place }: CheckpointStorage, cause: unknown): CheckpointError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new CheckpointError('checkpoint-save-failed', `${place}: the checkpoint can't be saved: ${reason}`, {
    cause,
  });
}
