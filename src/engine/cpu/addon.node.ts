/** Finds and loads the native add-on; one of another version or a damaged one is known before any call of it. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { AddonError } from '../../errors.ts';
import { cacheDir } from '../../util/cache-dir.node.ts';
import { ADDON_SOURCES } from './addon-sources.ts';
import type { BackendArray } from './backend.ts';

/** What native/addon/addon.cc exports. */
export interface Addon {
  /** The hash of the sources that it was built from. */
  readonly sources: string;
  variants(): string[];
  create(variant: string, threads: number): object;
  allocate(engine: object, bytes: number): number;
  release(engine: object, buffer: number): void;
  submit(engine: object, mailbox: Float64Array, small: boolean): void;
  write(engine: object, buffer: number, offset: number, values: BackendArray): void;
  read<T extends BackendArray>(engine: object, buffer: number, offset: number, into: T): T | Promise<T>;
  problem(engine: object): string;
  close(engine: object): void;
}

const HOW_TO_BUILD =
  'with a C++ compiler (Debian: apt install g++), char-rnn build-native (in a checkout: npm run build:native)';

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
    new AddonError('addon-missing', `the native engine is not installed here. To get it: ${HOW_TO_BUILD}.`)
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
    new AddonError('addon-unusable', `${path} ${reason}. To build it anew: ${HOW_TO_BUILD}.`, { cause });
  let addon: Partial<Addon>;
  try {
    if (isCutOff(path)) throw unusable('is damaged, its end is missing');
    addon = require(path);
  } catch (error) {
    if (error instanceof AddonError) throw error;
    const [line] = String(error instanceof Error ? error.message : error).split('\n');
    throw unusable(`can't be loaded: it is damaged or for another system (${line})`, error);
  }
  if (addon.sources === ADDON_SOURCES) return addon as Addon;
  throw new AddonError(
    'addon-other-version',
    `${path} was built for another version of char-rnn. To build it anew: ${HOW_TO_BUILD}.`,
  );
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
