/** One sample as it is written, or many as they are found, to standard output. */
import { CharRnnError } from '../errors.ts';
import type { LanguageModel } from '../language-model.node.ts';
import type { SamplesInput } from '../language-model.ts';
import type { SampleProgress } from '../sample/samples.ts';
import { formatBytes, formatCount } from '../util/format-number.ts';
import { LiveLines } from './live-lines.ts';
import type { SampleFormat } from './sample-formats.ts';

export interface SampleRun {
  readonly model: LanguageModel;
  readonly prompt: string | Uint8Array;
  readonly options: Omit<SamplesInput, 'prompt'> & { readonly seed: number; readonly signal: AbortSignal };
  readonly format: SampleFormat;
  readonly write: (content: string | Uint8Array) => Promise<void>;
}

/** A sample, as it is written. */
export async function writeOne({ model, prompt, options, format, write }: SampleRun): Promise<void> {
  let isOpen = false;
  // Not before there is something: until then, options and prompt may turn out not to fit.
  const open = async () => {
    if (isOpen) return;
    isOpen = true;
    await write(format.start());
    await write(format.open(0, options.seed));
  };
  try {
    for await (const piece of model.generatePieces({ ...options, prompt })) {
      await open();
      await write(format.more(piece));
      if (piece.ending) await write(format.close(piece.ending));
    }
  } catch (error) {
    if (!options.signal.aborted || error instanceof CharRnnError) throw error;
    await open();
    await write(format.close('interrupted'));
  }
  await write(format.end());
}

export interface Wanted {
  readonly count: number;
  readonly unique: boolean;
  readonly novel: Uint8Array | undefined;
}

/** Whole samples, in order; false where the attempts did not give as many as wanted, which was said. */
export async function writeMany(
  { model, prompt, options, format, write }: SampleRun,
  wanted: Wanted,
): Promise<boolean> {
  const progress = new ProgressLine(wanted.count);
  let place = 0;
  const samples = model.samples({
    ...options,
    ...wanted,
    prompt,
    onProgress: (now) => progress.show(now),
  });
  try {
    for await (const sample of samples) {
      progress.clear();
      if (place === 0) await write(format.start());
      await write(format.open(place++, sample.seed));
      await write(format.more(sample));
      await write(format.close(sample.ending));
    }
  } catch (error) {
    if (!options.signal.aborted || error instanceof CharRnnError) throw error;
  } finally {
    progress.close();
  }
  if (place === 0) await write(format.start());
  await write(format.end());
  if (place === wanted.count || options.signal.aborted) return true;
  process.stderr.write(
    `found ${formatCount(place)} of ${formatCount(wanted.count)} samples in ${formatCount(progress.tried)}; the others were left out: they were not new.\n` +
      'Try a higher -temperature, or another -seed.\n',
  );
  return false;
}

/** Milliseconds before the first line, and between two. */
const PATIENCE = 1000;
const REDRAW = 100;

/** How far it is, on a terminal. */
class ProgressLine {
  tried = 0;
  readonly #count: number;
  readonly #lines = process.stderr.isTTY ? new LiveLines(process.stderr) : undefined;
  readonly #start = performance.now();
  #drawn = 0;

  constructor(count: number) {
    this.#count = count;
  }

  show({ found, tried, bytes }: SampleProgress): void {
    this.tried = tried;
    const now = performance.now();
    if (!this.#lines || now - this.#start < PATIENCE || now - this.#drawn < REDRAW) return;
    this.#drawn = now;
    const seconds = (now - this.#start) / 1000;
    this.#lines.draw([
      `${formatCount(found)} of ${formatCount(this.#count)} samples  ${formatCount(tried)} drawn  ${formatBytes(bytes / seconds)}/s`,
    ]);
  }

  clear(): void {
    this.#lines?.draw([]);
  }

  close(): void {
    this.clear();
    this.#lines?.close();
  }
}
