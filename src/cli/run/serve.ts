/** `char-rnn serve`: models over HTTP until a signal comes. It reports on standard error. */
import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { Precision } from '../../engine/engine.ts';
import type { EngineName } from '../../engine/names.ts';
import { UsageError } from '../../errors.ts';
import type { LanguageModel } from '../../language-model.node.ts';
import { openPort } from '../../server/http/listen.node.ts';
import {
  API_KEY_EXPECTED,
  checkServerOptions,
  type GivenServerOptions,
  serverOptionsSchema,
} from '../../server/options.ts';
import { createServer } from '../../server/server.ts';
import { formatCount } from '../../util/format.ts';
import { onlyOnce } from '../../util/once.ts';
import { fileWord } from '../arguments/command-line.ts';
import type { CommandInput } from '../command.ts';
import { reportError } from '../report/report-error.ts';
import { note } from '../terminal/note.ts';
import { interruption } from '../terminal/signals.ts';
import { modelFile } from './model-file.ts';
import { openModel, takeUpReplacements } from './reload-models.ts';

/** The flags that are not options of the library's server. */
export interface ServeFlags {
  readonly host: string;
  readonly port: number;
  readonly watch: boolean;
  /** Seconds, `10s`, or minutes, `1m`. */
  readonly drain: string;
  readonly precision: Precision;
  readonly engine: EngineName;
  readonly threads?: number | undefined;
}

export async function runServe(
  { positionals }: CommandInput,
  flags: ServeFlags,
  limits: GivenServerOptions,
): Promise<number> {
  const options = checkServerOptions(withEnvironment(limits));
  const paths = await modelFiles(modelPaths(positionals));
  const input = {
    engine: flags.engine,
    threads: flags.threads,
    precision: flags.precision,
    // What holds for the engine of one model holds for those of all.
    onNotice: onlyOnce(note),
  };
  const models = new Map<string, LanguageModel>();
  // Before the models, which may take long to load: the port may be taken.
  const { host, port: number } = flags;
  const port = await openPort({ host, port: number, bodyTimeout: options.bodyTimeout });
  try {
    for (const [name, path] of paths) {
      const { model, facts } = await openModel(path, input);
      models.set(name, model);
      note(`${name}: ${facts}`);
    }
    const server = createServer(Object.fromEntries(models), {
      ...options,
      onError: (error) => void reportError(error),
    });
    const listening = port.serve(server);
    const watched = flags.watch ? [...paths] : [];
    const unwatch = watched.map(([name, path]) =>
      takeUpReplacements(name, path, { server, models, input, say: note }),
    );
    note(`listening on ${listening.url}/v1`);
    note(`a page to write in: ${listening.url}/`);
    const exitCode = await signalled();
    note(`stopping: running requests have ${flags.drain} to finish`);
    await Promise.all(unwatch.map((end) => end()));
    const ended = await listening.close(secondsOf(flags.drain));
    if (ended === 0) return 0;
    note(`ended ${formatCount(ended)} requests that had not finished`);
    return exitCode;
  } finally {
    await port.close();
    for (const model of models.values()) await model.close();
  }
}

/** What is set in the environment, where no flag says otherwise. */
function withEnvironment(given: GivenServerOptions) {
  const { CHAR_RNN_API_KEY: apiKey } = process.env;
  if (apiKey === undefined || given.apiKey !== undefined) return given;
  if (!serverOptionsSchema.shape.apiKey.safeParse(apiKey).success) {
    // Without the key itself, which is a secret.
    const problem = apiKey === '' ? 'it is empty' : 'it cannot be a key';
    throw new UsageError(`CHAR_RNN_API_KEY: ${problem}, expected ${API_KEY_EXPECTED}.`);
  }
  return { ...given, apiKey };
}

/** The exit code of the signal that comes. A second one ends the program at once. */
function signalled(): Promise<number> {
  return new Promise((resolve) => {
    interruption(resolve);
  });
}

function secondsOf(time: string): number {
  return Number.parseFloat(time) * (time.endsWith('m') ? 60 : 1);
}

/** Files for those that are folders. With --watch, the pointer in a folder is what is watched. */
async function modelFiles(named: ReadonlyMap<string, string>): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const [name, path] of named) files.set(name, await modelFile(path));
  return files;
}

/** The models' files by the names under which they are served: NAME=FILE, or the file's own name. */
function modelPaths(positionals: readonly string[]): Map<string, string> {
  if (positionals.length === 0) {
    throw new UsageError('serve needs a checkpoint.', {
      remedies: [{ text: 'For example', command: ['serve', 'cv/best.safetensors'] }],
    });
  }
  const paths = new Map<string, string>();
  for (const word of positionals) {
    const [, given, file = word] = (!existsSync(word) && /^([^=/\\]+)=(.+)$/.exec(word)) || [];
    const name = given ?? basename(resolve(file)).replace(/\.(safetensors|t7|onnx|npz)$/i, '');
    if (paths.has(name)) {
      throw new UsageError(
        `two checkpoints would have the name ${name}: give one of them another, as in other=${fileWord(file)}`,
      );
    }
    paths.set(name, file);
  }
  return paths;
}
