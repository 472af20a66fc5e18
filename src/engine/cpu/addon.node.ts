/** Finds and loads the native add-on; one of another version or a damaged one is known before any call of it. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { AddonError, type Remedy } from '../../errors.ts';
import { cacheDir } from '../../util/cache-dir.node.ts';
import { ADDON_SOURCES } from './addon-sources.ts';
import type { BackendArray } from './backend.ts';

/** What native/addon/addon.cc exports. */
export interface Addon {
  /** The hash of the sources that it was built from. */
  readonly sources: string;
  variants(): string[];
  create(variant: string, threads: number): object;
  /** Those that compute; fewer than asked for where the system starts no more. */
  threads(engine: object): number;
  allocate(engine: object, bytes: number): number;
  release(engine: object, buffer: number): void;
  submit(engine: object, mailbox: Float64Array, small: boolean): void;
  write(engine: object, buffer: number, offset: number, values: BackendArray): void;
  read<T extends BackendArray>(engine: object, buffer: number, offset: number, into: T): T | Promise<T>;
  problem(engine: object): string;
  close(engine: object): void;
}

/** The remedies for an add-on that is not there or cannot be used. */
const REMEDIES: readonly Remedy[] = [
  { text: 'To build it, with a C++ compiler', command: ['build-native'] },
  { text: 'The fastest engine that works without it', set: { engine: 'auto' } },
];

/** What Node throws where it was started without permission for add-ons. */
const FORBIDDEN = new Set(['ERR_DLOPEN_DISABLED', 'ERR_ACCESS_DENIED']);

const require = createRequire(import.meta.url);

/** Where the add-on may be: built in this folder, in the optional package of this platform, built in the user's cache. */
function places(): readonly string[] {
  const { CHAR_RNN_ADDON } = process.env;
  if (CHAR_RNN_ADDON) return [CHAR_RNN_ADDON];
  return [
    '../../../build/native/char-rnn.node',
    `@char-rnn-ts/native-${process.platform}-${process.arch}`,
    join(cacheDir(), 'native', 'char-rnn.node'),
  ];
}

let loaded: Addon | undefined;

/**
 * The first add-on that this package can use.
 *
 * @throws {AddonError} saying what is wrong with the first that is there, where none can be used
 */
export function loadAddon(): Addon {
  if (loaded) return loaded;
  const problems: AddonError[] = [];
  for (const place of places()) {
    try {
      loaded = loadFrom(place);
      if (loaded) return loaded;
    } catch (error) {
      if (!(error instanceof AddonError)) throw error;
      problems.push(error);
    }
  }
  throw (
    problems[0] ??
    new AddonError('addon-missing', 'the native engine is not installed here.', { remedies: REMEDIES })
  );
}

/** Undefined where there is none. */
function loadFrom(place: string): Addon | undefined {
  let path: string;
  try {
    path = require.resolve(place);
  } catch {
    return undefined;
  }
  const unusable = (reason: string, cause?: unknown) =>
    new AddonError('addon-unusable', `${path} ${reason}.`, { cause, remedies: REMEDIES });
  let addon: Partial<Addon>;
  try {
    if (isCutOff(path)) throw unusable('is damaged, its end is missing');
    addon = require(path);
  } catch (error) {
    if (error instanceof AddonError) throw error;
    if (FORBIDDEN.has((error as NodeJS.ErrnoException).code ?? '')) throw forbidden(error);
    const [line] = String(error instanceof Error ? error.message : error).split('\n');
    throw unusable(`cannot be loaded: it is damaged or for another system (${line})`, error);
  }
  if (addon.sources === ADDON_SOURCES) return addon as Addon;
  throw new AddonError('addon-other-version', `${path} was built for another version of char-rnn.`, {
    remedies: REMEDIES,
  });
}

function forbidden(cause: unknown): AddonError {
  return new AddonError('addon-forbidden', 'this Node was started without permission for add-ons.', {
    cause,
    remedies: [
      { text: 'Start it without --no-addons, or with --allow-addons' },
      { text: 'The fastest engine that works without it', set: { engine: 'auto' } },
    ],
  });
}

/**
 * Whether a shared object of Linux (ELF, 64 bits, little-endian) ends before the table that linkers put last. The dynamic linker does
 * not look: it maps what should be there, and the process dies of SIGBUS. That of macOS does.
 */
function isCutOff(path: string): boolean {
  const header = new DataView(new ArrayBuffer(64));
  const file = openSync(path, 'r');
  try {
    readSync(file, header, 0, 64, 0);
  } finally {
    closeSync(file);
  }
  if (header.getUint32(0) !== 0x7f454c46) return false;
  const end = Number(header.getBigUint64(40, true)) + header.getUint16(58, true) * header.getUint16(60, true);
  return statSync(path).size < end;
}
