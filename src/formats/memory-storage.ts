/** Checkpoints in memory: for a page, which offers them as downloads, and for tests. */
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
      return bytes && decodeIdentity(bytes, bytes.length, name);
    },
    async save(name, parts) {
      const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
      let at = 0;
      for (const part of parts) {
        bytes.set(part, at);
        at += part.length;
      }
      files.set(name, bytes);
      return name;
    },
  };
}
