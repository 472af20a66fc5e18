/** A storage that a program gives: checked, and its errors made errors of a save. */
import { CheckpointError, OptionError } from '../../errors.ts';
import { kindOf } from '../../util/check-content.ts';
import type { CheckpointStorage } from './storage.ts';

const METHODS = ['prepare', 'close', 'identify', 'list', 'save', 'point', 'remove'] as const;
/** Methods that are called while a checkpoint is saved. */
const SAVING: ReadonlySet<string | symbol> = new Set(['identify', 'list', 'save', 'point']);

/**
 * The storage, where any error of a save is a `checkpoint-save-failed`: a database has errors of its own, and a run goes on after a save
 * that failed.
 *
 * @param option The option that it was given for.
 * @throws {OptionError} for a value that lacks a method of a storage
 */
export function givenStorage<T extends CheckpointStorage>(option: string, storage: T): T {
  const value: unknown = storage;
  if (typeof value !== 'object' || value === null)
    throw new OptionError(option, `got ${kindOf(value)}, expected a folder's path or a storage`);
  const missing = METHODS.find((name) => typeof (storage as Record<string, unknown>)[name] !== 'function');
  if (missing !== undefined)
    throw new OptionError(option, `got an object without the method ${missing}, expected a storage`);
  return new Proxy(storage, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      if (!SAVING.has(name)) return member.bind(target);
      return async (...call: unknown[]) => {
        try {
          return await member.apply(target, call);
        } catch (error) {
          throw error instanceof CheckpointError ? error : saveFailed(target, error);
        }
      };
    },
  });
}

function saveFailed({ place }: CheckpointStorage, cause: unknown): CheckpointError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new CheckpointError('checkpoint-save-failed', `${place}: the checkpoint can't be saved: ${reason}`, {
    cause,
  });
}
