/**
 * Config files: a JSON object with options, named as in the library or as flags. Flags override the file; options that neither sets
 * have their defaults. Every run writes such a file, `run.json`, with which the run can be repeated.
 */
import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { UsageError } from '../../errors.ts';
import { optionsFrom, resolveOptions } from '../../util/option-origins.ts';
import { describeSystemError } from '../../util/system-error.ts';
import { type Arguments, type ConfigFile, flagsByName } from './arguments.ts';
import type { Flag } from './flag-table.ts';
import { guessFlag } from './unknown-flag.ts';

/** The value of `kind` in a file that a run wrote. */
export const RUN_FILE_KIND = 'char-rnn run';
/** Names that earlier versions used in their files, with the present names. */
const FORMER_KEYS: Readonly<Record<string, string>> = { validFile: 'validation', testFile: 'test' };
/** Keys that describe the file and set no option. */
const INFORMATION_KEYS = new Set(['kind', 'version', 'command', 'origins', '$schema']);
/** Largest file, in bytes. */
const MAX_BYTES = 10_000_000;

/** What reading a config file needs to know of a command. */
interface ConfiguredCommand {
  readonly name: string;
  readonly flags: readonly Flag[];
  /** The key for the words that are not flags. Default: text. */
  readonly wordsKey?: string;
}

interface Config extends ConfigFile {
  /** How the file names each option, for messages. */
  readonly typed: ReadonlyMap<string, string>;
}

/**
 * Adds the options of the `--config` file to the typed ones.
 *
 * @throws {UsageError} for a file that can't be read or has an unknown key; the message names the file and the key
 */
export function withConfig(given: Arguments, command: ConfiguredCommand): Arguments {
  const { configFile, ...flags } = given.values;
  if (typeof configFile !== 'string' || given.help) return given;
  const config = readConfig(configFile, command);
  return {
    ...given,
    ...resolveOptions(optionsFrom('config', config.values), optionsFrom('flag', flags)),
    typed: new Map([...config.typed, ...given.typed]),
    positionals: given.positionals.length > 0 ? given.positionals : config.words,
    config,
  };
}

function readConfig(path: string, { name, flags, wordsKey = 'text' }: ConfiguredCommand): Config {
  const content = contentOf(path);
  if (content.command !== undefined && content.command !== name) {
    throw new UsageError(`${path} is a config file of ${String(content.command)}, not of ${name}.`);
  }
  const byKey = new Map(flags.map((flag) => [flag.key, flag]));
  const byName = flagsByName(flags);
  const values: Record<string, unknown> = {};
  const typed = new Map<string, string>();
  let words: string[] = [];
  for (const [key, value] of Object.entries(content)) {
    if (INFORMATION_KEYS.has(key)) continue;
    if (key === wordsKey) {
      words = wordsOf(path, key, value).map((word) => (word === '-' ? word : resolveFrom(path, word)));
      continue;
    }
    const flag =
      byKey.get(FORMER_KEYS[key] ?? key) ?? byName.get(key.replace(/^--?/, '').replaceAll('-', '_'));
    if (flag?.key === 'configFile')
      throw new UsageError(`${path}, ${key}: a config file can't name another one.`);
    if (!flag) throw unknownKey(path, key, name, flags);
    if (typed.has(flag.key)) {
      throw new UsageError(`${path}: ${key} sets the same option as ${typed.get(flag.key)}.`);
    }
    if (value === null || isUnchosenDefault(content, flag, value)) continue;
    typed.set(flag.key, `${path}, ${key}`);
    values[flag.key] = optionValue(path, flag, value);
  }
  return { values, typed, words };
}

/**
 * Whether a run wrote a value only because it was the default, which it still is. Such an option stays open, so that a preset can choose it,
 * and a checkpoint keeps its own. A value that was edited, or whose default has changed since, is set by the file.
 */
function isUnchosenDefault(
  { kind, origins }: Readonly<Record<string, unknown>>,
  { key, type }: Flag,
  value: unknown,
): boolean {
  if (kind !== RUN_FILE_KIND || value !== type.defaultValue) return false;
  return typeof origins !== 'object' || origins === null || !Object.hasOwn(origins, key);
}

function contentOf(path: string): Record<string, unknown> {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new UsageError(`the config file ${path} can't be read: ${describeSystemError(error)}.`, {
      cause: error,
    });
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (bytes.length <= MAX_BYTES) {
      const content: unknown = JSON.parse(text);
      if (typeof content === 'object' && content !== null && !Array.isArray(content)) {
        return content as Record<string, unknown>;
      }
    }
  } catch (error) {
    throw new UsageError(`the config file ${path} is not valid JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
  throw new UsageError(
    `the config file ${path} is not a JSON object of options, such as {"hiddenSize": 256, "dropout": 0.3}.`,
  );
}

function wordsOf(path: string, key: string, value: unknown): string[] {
  const words = [value].flat();
  if (words.every((word) => typeof word === 'string')) return words as string[];
  throw new UsageError(`${path}, ${key}: got ${JSON.stringify(value)}, expected a path or a list of paths`);
}

/** Paths are relative to the config file, so that a folder can be moved. */
function optionValue(path: string, { info, type }: Flag, value: unknown): unknown {
  const isPath = type.kind === 'string' && /FILE|FOLDER/.test(info.value ?? '');
  return isPath && typeof value === 'string' && value !== '-' ? resolveFrom(path, value) : value;
}

function resolveFrom(config: string, path: string): string {
  const folder = dirname(config);
  return isAbsolute(path) || folder === '.' ? path : resolve(folder, path);
}

function unknownKey(path: string, key: string, command: string, flags: readonly Flag[]): UsageError {
  const meant = guessFlag(key.replaceAll('-', '_'), flags);
  const suggestion =
    meant === undefined || meant === 'help' ? '' : ` Did you mean ${meant.replaceAll('_', '-')}?`;
  return new UsageError(`${path}: ${command} has no option ${key}.${suggestion}`);
}
