/** Keeps checkpoints in memory: for pages, which offer them as downloads, and for tests. */
import { joinBytes } from '../../util/bytes.ts';
import { readIdentity } from '../codec.ts';
import { bytesSource } from '../safetensors/byte-source.ts';
import { pointerStem } from './run-files.ts';
import type { CheckpointIdentity, CheckpointStorage } from './storage.ts';

export interface MemoryStorage extends CheckpointStorage {
  /** The bytes of every checkpoint, by name. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** A storage whose files are in a map. */
export function memoryStorage(): MemoryStorage {
  const files = new Map<string, Uint8Array>();
  return {
    place: 'memory',
    files,
    async prepare() {},
    async close() {},
    async identify(name) {
      return identify(files, name);
    },
    async list() {
      return [...files.keys()].flatMap((path) => {
        const identity = pointerStem(path) !== undefined ? undefined : identify(files, path);
        return identity && identity !== 'other' ? [{ path, ...identity }] : [];
      });
    },
    async save(name, parts) {
      const bytes = joinBytes(parts);
      files.delete(name);
      files.set(name, bytes);
      return name;
    },
    async point(name, path) {
      const bytes = files.get(path);
      if (bytes) files.set(name, bytes);
    },
    async remove(name) {
      files.delete(name);
    },
  };
}

function identify(
  files: ReadonlyMap<string, Uint8Array>,
  name: string,
): CheckpointIdentity | 'other' | undefined {
  const bytes = files.get(name);
  if (!bytes) return undefined;
  try {
    return readIdentity(bytesSource(bytes), name);
  } catch {
    return 'other';
  }
}
