/** `char-rnn serve`: serves models over HTTP until a signal arrives. Messages go to standard error. */
import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { QuantizeOption } from '../../checkpoint/quantization.ts';
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
import { counted } from '../../util/format.ts';
import { onlyOnce } from '../../util/once.ts';
import { fileWord } from '../arguments/command-line.ts';
import type { CommandInput } from '../command.ts';
import { reportError } from '../report/report-error.ts';
import { note } from '../terminal/note.ts';
import { catchSignals } from '../terminal/signals.ts';
import { exampleModel } from './example-model.ts';
import { findModelFile } from './model-file.ts';
import { openModel, watchAndReload } from './reload-models.ts';
import { requestedGpu } from './requested-gpu.ts';

/** The flags that are not options of the library's server. */
export interface ServeFlags {
  readonly host: string;
  readonly port: number;
  readonly watch: boolean;
  /** Seconds, `10s`, or minutes, `1m`. */
  readonly drain: string;
  readonly precision: Precision;
  readonly quantize?: QuantizeOption | undefined;
  readonly engine: EngineName;
  readonly threads?: number | undefined;
  readonly gpu?: number | undefined;
  readonly opencl: number;
}

export async function runServe(
  { positionals }: CommandInput,
  flags: ServeFlags,
  limits: GivenServerOptions,
): Promise<number> {
  const options = checkServerOptions(withEnvironment(limits));
  const words = positionals.length > 0 ? positionals : [await exampleModel('serve')];
  const paths = await modelFiles(modelPaths(words));
  const input = {
    engine: flags.engine,
    threads: flags.threads,
    gpu: requestedGpu(flags),
    precision: flags.precision,
    quantize: flags.quantize,
    // All models get the same engine, so they have the same notices.
    onNotice: onlyOnce(note),
  };
  const models = new Map<string, LanguageModel>();
  // The port is opened first: if it is taken, the error comes before the models are loaded.
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
      watchAndReload(name, path, { server, models, input, say: note }),
    );
    note(`listening on ${listening.url}/v1`);
    note(`to try it in a browser: ${listening.url}/`);
    const exitCode = await waitForSignal();
    note(`stopping: running requests have ${flags.drain} to finish`);
    await Promise.all(unwatch.map((end) => end()));
    const ended = await listening.close(secondsOf(flags.drain));
    if (ended === 0) return 0;
    note(`ended ${counted(ended, 'request')} that had not finished`);
    return exitCode;
  } finally {
    await port.close();
    for (const model of models.values()) await model.close();
  }
}

/** Adds the key from the environment, which a flag overrides. */
function withEnvironment(given: GivenServerOptions) {
  const { CHAR_RNN_API_KEY: apiKey } = process.env;
  if (apiKey === undefined || given.apiKey !== undefined) return given;
  if (!serverOptionsSchema.shape.apiKey.safeParse(apiKey).success) {
    // The message leaves out the key, which is a secret.
    const problem = apiKey === '' ? 'it is empty' : 'it is not a valid key';
    throw new UsageError(`CHAR_RNN_API_KEY: ${problem}, expected ${API_KEY_EXPECTED}.`);
  }
  return { ...given, apiKey };
}

/** Waits for a signal and returns its exit code. A second signal ends the program immediately. */
function waitForSignal(): Promise<number> {
  return new Promise((resolve) => {
    catchSignals(resolve);
  });
}

function secondsOf(time: string): number {
  return Number.parseFloat(time) * (time.endsWith('m') ? 60 : 1);
}

/** Replaces folders by the checkpoints in them. With --watch, the pointer file in the folder is watched. */
async function modelFiles(named: ReadonlyMap<string, string>): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const [name, path] of named) files.set(name, await findModelFile(path));
  return files;
}

/** The paths of the models by the names under which they are served: NAME=FILE, or the name of the file. */
function modelPaths(positionals: readonly string[]): Map<string, string> {
  const paths = new Map<string, string>();
  for (const word of positionals) {
    const [, given, file = word] = (!existsSync(word) && /^([^=/\\]+)=(.+)$/.exec(word)) || [];
    const name = given ?? basename(resolve(file)).replace(/\.(safetensors|t7|onnx|npz)$/i, '');
    if (paths.has(name)) {
      throw new UsageError(
        `two checkpoints would be called ${name}: give one of them another name, such as other=${fileWord(file)}`,
      );
    }
    paths.set(name, file);
  }
  return paths;
}
