/** Finds and loads the native add-on. An add-on that is damaged or of another version is detected before its first call. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { AddonError, type Remedy } from '../../errors.ts';
import { cacheDir } from '../../util/cache-dir.node.ts';
import { ADDON_SOURCES } from './addon-sources.ts';
import type { BackendArray } from './backend.ts';

/** The exports of native/addon/addon.cc. */
export interface Addon {
  /** The hash of the sources that it was built from. */
  readonly sources: string;
  variants(): string[];
  create(variant: string, threads: number): object;
  /** The number of threads that compute: fewer than requested if the system refuses to start more. */
  threads(engine: object): number;
  allocate(engine: object, bytes: number): number;
  release(engine: object, buffer: number): void;
  submit(engine: object, command: Float64Array, small: boolean): void;
  write(engine: object, buffer: number, offset: number, values: BackendArray): void;
  read<T extends BackendArray>(engine: object, buffer: number, offset: number, into: T): T | Promise<T>;
  problem(engine: object): string;
  close(engine: object): void;
}

/** The remedies for an add-on that is missing or can't be used. */
const REMEDIES: readonly Remedy[] = [
  { text: 'To build it, with a C++ compiler', command: ['build-native'] },
  { text: 'The fastest engine that works without it', set: { engine: 'auto' } },
];

/** The codes of errors in a Node that was started without permission for add-ons. */
const PERMISSION_ERRORS = new Set(['ERR_DLOPEN_DISABLED', 'ERR_ACCESS_DENIED']);

const require = createRequire(import.meta.url);

/** Where to look for the add-on: built in this folder, in the optional package of this platform, built in the user's cache. */
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
 * Loads the first add-on that this package can use.
 *
 * @throws {AddonError} if none can be used, with the problem of the first one that exists
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

/** Loads the add-on from one place; undefined if there is none. */
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
    if (PERMISSION_ERRORS.has((error as NodeJS.ErrnoException).code ?? '')) throw forbidden(error);
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
 * Whether a shared object of Linux (ELF, 64 bits, little-endian) is cut off before the table that linkers write last. The dynamic linker of
 * Linux, unlike that of macOS, does not check this: it maps the missing part, and the process dies of SIGBUS.
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
