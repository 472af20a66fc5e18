/** Writes one sample, or many, in the chosen format. */
import { CharRnnError } from '../../errors.ts';
import type { LanguageModel } from '../../language-model.node.ts';
import type { SamplesInput } from '../../sample/generate-input.ts';
import type { SamplePiece, SampleProgress } from '../../sample/samples.ts';
import { formatCount } from '../../util/format.ts';
import type { SampleFormat } from '../report/sample-formats.ts';
import { ProgressLine } from '../terminal/progress-line.ts';

export interface SampleRun {
  readonly model: LanguageModel;
  readonly prompt: string | Uint8Array;
  readonly options: Omit<SamplesInput, 'prompt'> & { readonly seed: number; readonly signal: AbortSignal };
  readonly format: SampleFormat;
  readonly write: (content: string | Uint8Array) => Promise<void>;
}

/** Writes one sample, piece by piece. */
export async function writeOne({ model, prompt, options, format, write }: SampleRun): Promise<void> {
  const { length = 0, seconds = Number.POSITIVE_INFINITY } = options;
  const progress = new ProgressLine('', { inLogs: false, isHidden: process.stdout.isTTY });
  let symbols = 0;
  let isOpen = false;
  // Nothing is written before the first piece: until then, the options or the prompt may turn out to be wrong.
  const open = async () => {
    if (isOpen) return;
    isOpen = true;
    await write(format.start());
    await write(format.open(0, options.seed));
  };
  const start = performance.now();
  try {
    for await (const piece of model.generatePieces({ ...options, prompt })) {
      await open();
      await write(format.more(piece));
      if (piece.ending) await write(format.close(piece.ending));
      symbols += piece.symbols;
      const time = (performance.now() - start) / 1000;
      progress.show(
        Math.max(symbols / length, time / seconds),
        () => `${formatCount(symbols)} symbols  ${formatCount(Math.round(symbols / time))}/s`,
      );
    }
  } catch (error) {
    if (!options.signal.aborted || error instanceof CharRnnError) throw error;
    await open();
    await write(format.close('interrupted'));
  } finally {
    progress.close();
  }
  await write(format.end());
}

export interface Wanted {
  readonly count: number;
  readonly unique: boolean;
  readonly novel: string | Uint8Array | undefined;
}

/** The samples: piece by piece, or, if some may be left out, each as a whole. */
async function* samplesOf(
  { model, prompt, options }: SampleRun,
  { count, unique, novel }: Wanted,
  onProgress: (progress: SampleProgress) => void,
): AsyncGenerator<SamplePiece, void, void> {
  if (unique || novel !== undefined) {
    yield* model.samples({ ...options, count, unique, novel, prompt, onProgress });
  } else yield* model.samplePieces({ ...options, count, prompt, onProgress });
}

/** Writes samples in order. @returns false, after a message, if there were fewer than wanted */
export async function writeMany(run: SampleRun, wanted: Wanted): Promise<boolean> {
  const { options, format, write } = run;
  const { count } = wanted;
  const isLive = !wanted.unique && wanted.novel === undefined;
  const progress = new ProgressLine('', { inLogs: false, isHidden: isLive && process.stdout.isTTY });
  const start = performance.now();
  let place = 0;
  let isStarted = false;
  let isOpen = false;
  let drawnSamples = 0;
  const onProgress = ({ found, tried, drawing, drawn }: SampleProgress) => {
    drawnSamples = tried;
    const share = drawing === 0 ? 0 : drawn / (drawing * (options.length ?? 1));
    progress.show(
      (found + share * Math.min(drawing, count - found)) / count,
      () => `${formatCount(found)} of ${formatCount(count)} samples  ${formatCount(tried)} drawn`,
    );
  };
  try {
    for await (const piece of samplesOf(run, wanted, onProgress)) {
      if (!isLive) progress.clear();
      if (!isStarted) await write(format.start());
      isStarted = true;
      if (!isOpen) await write(format.open(place, piece.seed));
      isOpen = piece.ending === undefined;
      await write(format.more(piece));
      if (piece.ending === undefined) continue;
      await write(format.close(piece.ending));
      place++;
    }
  } catch (error) {
    if (!options.signal.aborted || error instanceof CharRnnError) throw error;
    if (isOpen) await write(format.close('interrupted'));
  } finally {
    progress.close();
  }
  if (!isStarted) await write(format.start());
  await write(format.end());
  if (place === count || options.signal.aborted) return true;
  const kinds = [...(wanted.unique ? ['repeated'] : []), ...(wanted.novel === undefined ? [] : ['known'])];
  const leftOut = kinds.join(' or ');
  const isLate = performance.now() - start >= (options.seconds ?? Number.POSITIVE_INFINITY) * 1000;
  const reason = isLate
    ? 'then the time ran out.\nGive it more --seconds.'
    : (options.beam ?? 0) > 0
      ? `the beam holds no more${leftOut === '' ? '' : `, and ${leftOut} texts were left out`}.\nTry a larger --beam.`
      : `the others were ${leftOut} texts.\nTry a higher --temperature${options.temperature === 0 ? '' : ', or another --seed'}.`;
  process.stderr.write(
    `found ${formatCount(place)} of ${formatCount(count)} samples among ${formatCount(drawnSamples)} drawn; ${reason}\n`,
  );
  return false;
}
