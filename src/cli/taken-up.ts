/** Checkpoints that a server has, taken up again when they are replaced on disk. */
import { readingNotices } from '../formats/checkpoint.ts';
import { LanguageModel } from '../language-model.node.ts';
import type { ModelSettings } from '../language-model.ts';
import type { Server } from '../server/server.ts';
import { watchForReplacement } from '../server/watch.node.ts';
import { formatCount } from '../util/format-number.ts';
import { reportError } from './report-error.ts';

export interface TakingUp {
  readonly server: Server;
  /** By name; what is taken up stands here. */
  readonly models: Map<string, LanguageModel>;
  readonly settings: ModelSettings;
  readonly say: (line: string) => void;
}

/**
 * Watches a checkpoint's file. One that can't be taken up leaves the one before where it is.
 *
 * @returns Ends it; resolves when nothing is being taken up any more.
 */
export function takeUpReplacements(name: string, path: string, taking: TakingUp): () => Promise<void> {
  let isDue = false;
  let running: Promise<void> | undefined;
  const run = async () => {
    // However often the file was replaced meanwhile: what counts is how it is now.
    while (isDue) {
      isDue = false;
      await takeUp(name, path, taking).catch((error: unknown) => {
        taking.say(`${name} was replaced, but the one before stays:`);
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

async function takeUp(
  name: string,
  path: string,
  { server, models, settings, say }: TakingUp,
): Promise<void> {
  const { model, facts } = await openModel(path, settings);
  const before = models.get(name);
  models.set(name, model);
  say(`${name}: taken up anew; ${facts}`);
  // Not waited for: what runs on the one before may take long, and the next one may come before that has ended.
  server
    .replace(name, model)
    .then(() => before?.close())
    .catch((error: unknown) => reportError(error));
}

/** A model that is ready to compute, and what it is in a line. */
export async function openModel(path: string, settings: ModelSettings) {
  const model = await LanguageModel.load(path, settings);
  try {
    return { model, facts: [await describe(model), ...readingNotices(model.checkpoint)].join('; ') };
  } catch (error) {
    await model.close();
    throw error;
  }
}

async function describe(model: LanguageModel): Promise<string> {
  const { cell, layers, hiddenSize } = model.config;
  const shape = `${cell}, ${layers} ${layers === 1 ? 'layer' : 'layers'} of ${hiddenSize}`;
  return `${shape}, ${formatCount(model.parameterCount)} parameters, ${model.vocabulary.size} symbols; ${await model.describeEngine()}`;
}
