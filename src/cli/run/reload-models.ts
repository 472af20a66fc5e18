/** Reloads the checkpoints of a server when their files are replaced. */
import { readingNotices } from '../../checkpoint/checkpoint.ts';
import type { LanguageModel } from '../../language-model.node.ts';
import type { ModelInput } from '../../language-model.ts';
import type { Server } from '../../server/server.ts';
import { watchForReplacement } from '../../server/watch-file.node.ts';
import { reportError } from '../report/report-error.ts';
import { describeModel } from '../terminal/model-text.ts';
import { loadModel } from './read-for-inference.ts';

export interface ReloadInput {
  readonly server: Server;
  /** The models by name; a reloaded one replaces the earlier one. */
  readonly models: Map<string, LanguageModel>;
  readonly input: ModelInput;
  readonly say: (line: string) => void;
}

/**
 * Watches a checkpoint's file and reloads it. If the new file can't be loaded, the earlier model stays.
 *
 * @returns a function that stops watching; it resolves when nothing is being loaded any more
 */
export function watchAndReload(name: string, path: string, input: ReloadInput): () => Promise<void> {
  let isDue = false;
  let running: Promise<void> | undefined;
  const run = async () => {
    // The file may have been replaced several times meanwhile: only its latest state is loaded.
    while (isDue) {
      isDue = false;
      await reload(name, path, input).catch((error: unknown) => {
        input.say(`${name}: can't load the new checkpoint; the earlier one stays in use:`);
        reportError(error);
      });
    }
    running = undefined;
  };
  const unwatch = watchForReplacement(path, () => {
    isDue = true;
    running ??= run();
  });
  return async () => {
    unwatch();
    isDue = false;
    await running;
  };
}

async function reload(
  name: string,
  path: string,
  { server, models, input, say }: ReloadInput,
): Promise<void> {
  const { model, facts } = await openModel(path, input);
  const before = models.get(name);
  models.set(name, model);
  say(`${name}: loaded the new checkpoint; ${facts}`);
  // Not awaited: requests to the earlier model may run long, and the file may be replaced again before they end.
  server
    .replace(name, model)
    .then(() => before?.close())
    .catch((error: unknown) => reportError(error));
}

/** Loads a model. @returns it with a description of one line */
export async function openModel(path: string, input: ModelInput) {
  const model = await loadModel(path, input);
  try {
    return { model, facts: [await describeModel(model), ...readingNotices(model.checkpoint)].join('; ') };
  } catch (error) {
    await model.close();
    throw error;
  }
}
