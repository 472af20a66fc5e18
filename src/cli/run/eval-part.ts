/** `char-rnn eval --part val`, `train` or `test`: scores a split of the text that the checkpoint was trained on. */
import type { TrainedCheckpoint } from '../../checkpoint/checkpoint.ts';
import type { Corpus } from '../../data/corpus.ts';
import { shortPath } from '../../data/files/moved-file.node.ts';
import { CheckpointError } from '../../errors.ts';
import { atTemperature } from '../../model/temperature.ts';
import type { TemperatureFit } from '../../score/fit-temperature.ts';
import type { TextScoreOptions } from '../../score/options.ts';
import { type PartLoss, partBaseline, partLoss, validationTemperature } from '../../train/part-loss.ts';
import type { EvaluationReport } from '../report/eval-report.ts';
import { withProgress } from '../terminal/progress-line.ts';
import { type OwnText, type OwnTextPlaces, openOwnText } from './own-text.ts';
import type { ScoredModel } from './scored-model.ts';

export interface PartFlags extends Pick<TextScoreOptions, 'temperature'> {
  /** Whether to measure a count model too. */
  readonly baseline: boolean;
  /** Whether to fit a temperature too. */
  readonly fitTemperature: boolean;
}

interface Context {
  readonly signal: AbortSignal;
  /** Called with notices that name options in backticks. */
  readonly say: (notice: string) => void;
}

/**
 * Scores a split in the batches of the run.
 *
 * @param places Where the texts are now.
 * @throws {TextError | CheckpointError} if the text is missing or another one, or the split is empty
 */
export async function scorePart(
  model: ScoredModel,
  part: 'train' | 'val' | 'test',
  places: OwnTextPlaces,
  flags: PartFlags,
  { signal, say }: Context,
): Promise<EvaluationReport> {
  const own = await openOwnText(model, places, part, say);
  const { corpus, checkpoint } = own;
  const { engine, quantization } = model;
  const run = { name: model.path, corpus, part: part === 'val' ? 'validation' : part, signal } as const;
  const lossOf = (scored: TrainedCheckpoint): Promise<PartLoss> =>
    withProgress(`evaluating ${corpus.text.name}`, (onProgress) =>
      partLoss({ ...run, engine, quantization, checkpoint: scored, onProgress }),
    );
  try {
    const loss = await lossOf(checkpoint);
    const baseline = flags.baseline ? await partBaseline({ ...run, checkpoint }) : undefined;
    const fit = flags.fitTemperature ? await fitOn(model, own, signal) : undefined;
    const fitted = fit && { fit, nats: (await lossOf(atTemperature(checkpoint, fit.temperature))).nats };
    return {
      model,
      text: corpus.text,
      part,
      changed: corpus.changed,
      how: `${part}: ${loss.batches} batches of ${loss.batchSize} × ${loss.sequenceLength}${heldOutName(corpus, part)}, as in training`,
      documents: [],
      characters: loss.characters,
      temperature: flags.temperature,
      nats: loss.nats,
      fitted,
      dynamic: undefined,
      baseline,
      surprising: undefined,
    };
  } finally {
    await corpus.close?.();
  }
}

/**
 * Fits a temperature on the validation part of a checkpoint's run.
 *
 * @param places Where the held-out texts are now.
 * @throws {TextError | CheckpointError} if the text is not known, missing or another one, or nothing was held out
 */
export async function fitOnValidation(
  model: ScoredModel,
  places: Pick<OwnTextPlaces, 'validation' | 'test'>,
  { signal, say }: Context,
): Promise<TemperatureFit> {
  if (!model.checkpoint.training) {
    throw new CheckpointError(
      'checkpoint-not-resumable',
      `${model.path} has no training state, so the validation text to fit a temperature on is not known.`,
    );
  }
  const own = await openOwnText(model, places, 'val', say);
  try {
    return await fitOn(model, own, signal);
  } finally {
    await own.corpus.close?.();
  }
}

function fitOn(
  { engine, quantization, path }: ScoredModel,
  own: OwnText,
  signal: AbortSignal,
): Promise<TemperatureFit> {
  return withProgress('fitting the temperature', (onProgress) =>
    validationTemperature({ ...own, engine, quantization, name: path, signal, onProgress }),
  );
}

/** The name of the held-out text, if the part is one. */
function heldOutName({ text }: Corpus, part: 'train' | 'val' | 'test'): string {
  const path = part === 'val' ? text.validPath : part === 'test' ? text.testPath : undefined;
  return path === undefined ? '' : ` of ${shortPath(path)}`;
}
