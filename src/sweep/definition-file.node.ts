/** The file of a sweep: YAML, with the keys of Weights & Biases where they mean the same. */
import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import { kindOf } from '../util/check-content.ts';
import { describeSystemError } from '../util/system-error.ts';
import { type GivenDefinition, hintFor } from './definition.ts';

/** What a file describes. Paths are absolute. */
export interface DefinitionFile {
  readonly definition: GivenDefinition;
  readonly name: string;
  readonly textFile: readonly string[] | undefined;
  readonly validation: string | undefined;
}

const VERSION = 1;
const KEYS = [
  'version',
  'name',
  'text',
  'valid',
  'method',
  'schedule',
  'trials',
  'seed',
  'flags',
  'parameters',
];
/** Keys of Weights & Biases, and what to do instead. */
const OTHER_WORDS: Readonly<Record<string, string>> = {
  early_terminate: 'use schedule',
  run_cap: 'use trials',
  program: 'use text',
  command: 'use flags',
  metric: 'a sweep always looks for the lowest validation loss',
};

export function isDefinitionFile(path: string): boolean {
  return ['.yaml', '.yml'].includes(extname(path).toLowerCase());
}

/** @throws {UsageError} for a file that can't be read, is not YAML, or has an unknown key */
export async function readDefinitionFile(path: string): Promise<DefinitionFile> {
  const content = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${path} can't be read: ${describeSystemError(error)}.`);
  });
  const fail = (reason: string): never => {
    throw new UsageError(`${path}: ${reason}`);
  };
  const { parse } = await import('yaml');
  let value: unknown;
  try {
    value = parse(content);
  } catch (error) {
    const [line = ''] = String((error as Error).message).split('\n');
    fail(`this is not valid YAML: ${line.replace(/:$/, '')}.`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return fail(`got ${kindOf(value)}, expected the keys of a sweep, such as parameters`);
  const file = value as Record<string, unknown>;
  if (file.version !== undefined && file.version !== VERSION)
    fail(`the file is of version ${JSON.stringify(file.version)}; this program reads version ${VERSION}.`);
  const unknown = Object.keys(file).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) {
    const other = OTHER_WORDS[unknown];
    fail(`there is no key ${JSON.stringify(unknown)}${other ? `: ${other}.` : hintFor(unknown, KEYS)}`);
  }
  const folder = dirname(path);
  const place = (name: string) => (isAbsolute(name) ? name : resolve(folder, name));
  const { name = basename(path, extname(path)), text, valid } = file;
  const texts = text === undefined ? undefined : [text].flat();
  if (texts && !texts.every((one): one is string => typeof one === 'string' && one !== ''))
    return fail('text: expected the path of a text, or a list of paths');
  if (typeof name !== 'string') return fail(`name: got ${JSON.stringify(name)}, expected a text`);
  if (valid !== undefined && typeof valid !== 'string') return fail('valid: expected the path of a text');
  for (const key of ['parameters', 'flags']) {
    const given = file[key] ?? {};
    if (typeof given !== 'object' || Array.isArray(given))
      fail(`${key}: got ${kindOf(given)}, expected training flags by name`);
  }
  return {
    name,
    textFile: texts?.map(place),
    validation: valid === undefined ? undefined : place(valid),
    definition: {
      parameters: (file.parameters ?? {}) as GivenDefinition['parameters'],
      options: (file.flags ?? {}) as GivenDefinition['options'],
      method: file.method as GivenDefinition['method'],
      trials: file.trials as number | undefined,
      seed: file.seed as number | undefined,
      ...scheduleOf(file.schedule, fail),
    },
  };
}

function scheduleOf(
  schedule: unknown,
  fail: (reason: string) => never,
): Pick<GivenDefinition, 'rungs' | 'eta'> {
  if (schedule === undefined || schedule === 'halving') return {};
  if (schedule === 'none') return { rungs: 1 };
  if (typeof schedule !== 'object' || schedule === null || Array.isArray(schedule))
    return fail(`schedule: got ${JSON.stringify(schedule)}, expected none or halving`);
  const { kind, rungs, eta, ...others } = schedule as Record<string, unknown>;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined)
    fail(`schedule: there is no key ${JSON.stringify(unknown)}${hintFor(unknown, ['kind', 'rungs', 'eta'])}`);
  if (kind !== 'none' && kind !== 'halving')
    fail(`schedule: got the kind ${JSON.stringify(kind)}, expected none or halving`);
  if (kind === 'none') return { rungs: 1 };
  return { rungs: rungs as number | undefined, eta: eta as number | undefined };
}
