/** Checkpoints of a server, loaded again when they are replaced on disk. */
import { readingNotices } from '../../checkpoint/checkpoint.ts';
import { LanguageModel } from '../../language-model.node.ts';
import type { ModelInput } from '../../language-model.ts';
import type { Server } from '../../server/server.ts';
import { watchForReplacement } from '../../server/watch-file.node.ts';
import { reportError } from '../report/report-error.ts';
import { describeModel } from '../terminal/model-text.ts';

export interface TakingUp {
  readonly server: Server;
  /** By name. Replaced models are put here. */
  readonly models: Map<string, LanguageModel>;
  readonly input: ModelInput;
  readonly say: (line: string) => void;
}

/**
 * Watches a checkpoint's file. When a new file can't be loaded, the earlier model stays.
 *
 * @returns Ends the watch; resolves when nothing is being loaded any more.
 */
export function takeUpReplacements(name: string, path: string, taking: TakingUp): () => Promise<void> {
  let isDue = false;
  let running: Promise<void> | undefined;
  const run = async () => {
    // However often the file was replaced meanwhile, only its present state counts.
    while (isDue) {
      isDue = false;
      await takeUp(name, path, taking).catch((error: unknown) => {
        taking.say(`${name}: can't load the checkpoint that replaced the earlier one, which stays:`);
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

async function takeUp(name: string, path: string, { server, models, input, say }: TakingUp): Promise<void> {
  const { model, facts } = await openModel(path, input);
  const before = models.get(name);
  models.set(name, model);
  say(`${name}: loaded the new checkpoint; ${facts}`);
  // Not awaited: requests to the earlier model may take long, and the next file may come before they end.
  server
    .replace(name, model)
    .then(() => before?.close())
    .catch((error: unknown) => reportError(error));
}

/** A model that is ready to compute, and what it is in a line. */
export async function openModel(path: string, input: ModelInput) {
  const model = await LanguageModel.load(path, input);
  try {
    return { model, facts: [await describeModel(model), ...readingNotices(model.checkpoint)].join('; ') };
  } catch (error) {
    await model.close();
    throw error;
  }
}
