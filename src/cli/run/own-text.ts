/** Opens the text that a checkpoint was trained on. */
import type { TrainedCheckpoint } from '../../checkpoint/checkpoint.ts';
import { loadCorpus } from '../../data/corpus.node.ts';
import type { Corpus } from '../../data/corpus.ts';
import { CheckpointError } from '../../errors.ts';
import { checkSameHeldOut } from '../../train/start/resume.ts';
import { inputsOfRun } from '../../train/start/run-inputs.node.ts';
import { readingOptionsOfRun, symbolsOf } from './reading-options.ts';
import type { ScoredModel } from './scored-model.ts';

/** Where the texts of a run are now, and their encoding. Default: as in the run. */
export interface OwnTextPlaces {
  readonly text?: string | undefined;
  readonly validation?: string | undefined;
  readonly test?: string | undefined;
  readonly encoding?: string | undefined;
}

/** A text, which the caller must close, and the checkpoint of its run. */
export interface OwnText {
  readonly checkpoint: TrainedCheckpoint;
  readonly corpus: Corpus;
}

/**
 * Opens the text of a checkpoint's run, after checking that it is the same.
 *
 * @param part The part that is needed, for suggestions.
 * @param say Called with notices.
 * @throws {CheckpointError} `checkpoint-not-resumable` without a training state, `checkpoint-other-text` for another text
 * @throws {TextError} `text-missing`
 */
export async function openOwnText(
  model: ScoredModel,
  { text, validation, test, encoding }: OwnTextPlaces,
  part: 'train' | 'val' | 'test',
  say: (notice: string) => void,
): Promise<OwnText> {
  const { training } = model.checkpoint;
  if (!training) {
    throw new CheckpointError(
      'checkpoint-not-resumable',
      `${model.path} has no training state, so its own text is not known. Name a text to measure it on.`,
    );
  }
  const checkpoint: TrainedCheckpoint = { ...model.checkpoint, training };
  const { vocabulary } = checkpoint;
  const { unknown } = training.options;
  checkSameHeldOut({ validation, test }, checkpoint, model.path);
  const places = { paths: text === undefined ? undefined : [text], validation, test };
  const inputs = await inputsOfRun(checkpoint, model.path, places, { for: 'eval', part });
  inputs.notices.forEach(say);
  const corpus = await loadCorpus(inputs.source, {
    ...readingOptionsOfRun(checkpoint, { encoding }),
    ...symbolsOf(vocabulary, unknown === 'skip' ? 'skip' : 'error'),
    valid: inputs.valid,
    test: inputs.test,
    wanted: inputs.wanted,
  }).catch(async (error: unknown) => {
    throw await inputs.explain(error);
  });
  return { checkpoint, corpus };
}
