/** Checkpoints in memory: for a page, which offers them as downloads, and for tests. */
import { joinBytes } from '../util/join-bytes.ts';
import { decodeIdentity } from './checkpoint-codec.ts';
import type { CheckpointStorage } from './storage.ts';

export interface MemoryStorage extends CheckpointStorage {
  /** The bytes of every checkpoint, by name. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** A storage that keeps its files in a map. */
export function memoryStorage(): MemoryStorage {
  const files = new Map<string, Uint8Array>();
  return {
    place: 'memory',
    files,
    async prepare() {},
    async identify(name) {
      const bytes = files.get(name);
      if (!bytes) return undefined;
      try {
        return decodeIdentity(bytes, bytes.length, name);
      } catch {
        return 'other';
      }
    },
    async save(name, parts) {
      files.set(name, joinBytes(parts));
      return name;
    },
    async remove(name) {
      files.delete(name);
    },
  };
}
