/** A storage that a program gives: checks it, and turns its errors into errors of this package that say which operation failed. */
import { CheckpointError, OptionError } from '../../errors.ts';
import { kindOf } from '../../util/check-content.ts';
import type { CheckpointStorage } from './storage.ts';

const METHODS = ['prepare', 'close', 'identify', 'list', 'save', 'point', 'remove'] as const;

/** A program's own storage, or `folderStorage`, which has `reserve` too. */
interface GivenStorage extends CheckpointStorage {
  reserve?(): Promise<void>;
}

/**
 * A storage that turns every error of the given one into a `CheckpointError`, because a run ends at any other error. The methods of the given
 * storage may be synchronous.
 *
 * @param option The option that it was given for.
 * @throws {OptionError} for a value that lacks a method of a storage
 */
export function givenStorage(option: string, storage: GivenStorage) {
  checkStorage(option, storage);
  const converting = async <T>(code: FailureCode, what: string, call: () => Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (error) {
      throw error instanceof CheckpointError ? error : failure(code, `${storage.place}: ${what}`, error);
    }
  };
  const saving = <T>(call: () => Promise<T>) =>
    converting('checkpoint-save-failed', "the checkpoint can't be saved", call);
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
    identify: (name) =>
      converting('checkpoint-unreadable', `can't find out whether ${name} exists`, () =>
        storage.identify(name),
      ),
    list: () => converting('checkpoint-unreadable', "the checkpoints can't be listed", () => storage.list()),
    save: (name, parts) => saving(() => storage.save(name, parts)),
    point: (name, path) => saving(() => storage.point(name, path)),
    async remove(path) {
      await storage.remove(path);
    },
  } satisfies GivenStorage;
}

function checkStorage(option: string, value: unknown): void {
  if (typeof value !== 'object' || value === null)
    throw new OptionError(option, `got ${kindOf(value)}, expected the path of a folder, or a storage object`);
  const missing = METHODS.find((name) => typeof (value as Record<string, unknown>)[name] !== 'function');
  if (missing !== undefined)
    throw new OptionError(option, `got an object without the method ${missing}, expected a storage object`);
}

type FailureCode = 'checkpoint-save-failed' | 'checkpoint-unreadable';

function failure(code: FailureCode, problem: string, cause: unknown): CheckpointError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const stop = /[.!?]\s*$/.test(reason) ? '' : '.';
  return new CheckpointError(code, `${problem}: ${reason}${stop}`, { cause });
}
