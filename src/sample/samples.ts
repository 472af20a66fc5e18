/** Samples of one prompt: they are drawn in batches, filtered, and yielded in order. */
import type { SymbolDetails } from '../model/symbol-details.ts';
import { joinBytes } from '../util/bytes.ts';
import type { KnownText } from './known-text.ts';
import type { Ending } from './stops.ts';
import type { TextPiece } from './writer.ts';

export interface Sample {
  /** The sample's index among all that were drawn; it determines the seed. */
  readonly index: number;
  readonly seed: number;
  readonly bytes: Uint8Array;
  readonly text: string;
  readonly details: readonly SymbolDetails[];
  readonly ending: Ending;
}

export interface SampleCollection {
  /** Samples wanted. */
  readonly count: number;
  /** Whether to leave out repeated texts. White space around a text makes no difference. */
  readonly unique: boolean;
  /** Leaves out samples that occur in this text. */
  readonly known: KnownText | undefined;
  /** The text before each sample: its last line counts when a sample is compared with the known text. */
  readonly prompt: string;
  /** Maximum samples to draw. */
  readonly attempts: number;
  readonly seedOf: (index: number) => number;
  /** Time limit for all samples together. When it is reached, the current samples are cut off and no more are drawn. */
  readonly seconds: number | undefined;
  /** Draws a sample for each seed, within a time limit. The index of a piece is that of its seed. */
  readonly write: (seeds: readonly number[], seconds: number | undefined) => AsyncIterable<TextPiece>;
  readonly onProgress: (progress: SampleProgress) => void;
  /** When it is aborted, the collection ends, also between samples that have already been drawn. */
  readonly signal?: AbortSignal | undefined;
}

export interface SampleProgress {
  /** Samples found so far. */
  readonly found: number;
  /** Samples drawn so far, without those in the current batch. */
  readonly tried: number;
  /** Samples in the current batch. */
  readonly drawing: number;
  /** Symbols that the current batch has so far. */
  readonly drawn: number;
}

/** Maximum samples in a batch. More would hardly be faster, and take memory. */
const MAX_CONCURRENT = 128;
/** Minimum samples in a batch if some may be left out. */
const MIN_CONCURRENT = 16;

/** Yields the samples in the order of their indices. There are fewer than `count` if the attempts or the time run out. */
export async function* collectSamples(collection: SampleCollection): AsyncGenerator<Sample, void, void> {
  const { count, unique, known, prompt, attempts, seedOf, write, onProgress } = collection;
  const clock = new Countdown(collection.seconds);
  const seen = new Set<string>();
  let found = 0;
  let tried = 0;
  while (found < count && tried < attempts && !clock.isOver) {
    const fewest = unique || known ? MIN_CONCURRENT : 1;
    const size = Math.min(MAX_CONCURRENT, Math.max(count - found, fewest), attempts - tried);
    const seeds = Array.from({ length: size }, (_, k) => seedOf(tried + k));
    const drafts = seeds.map(() => new Draft());
    let drawn = 0;
    let next = 0;
    for await (const piece of write(seeds, clock.left)) {
      drafts[piece.index]?.add(piece);
      drawn += piece.symbols;
      onProgress({ found, tried, drawing: size, drawn });
      // Yields each sample as soon as it is complete, so that it is not lost if the rest of the batch is interrupted.
      for (; drafts[next]?.ending; next++) {
        const draft = drafts[next] as Draft;
        const text = draft.text();
        if (known?.has(lastLine(prompt) + text) || (unique && seen.has(text.trim()))) continue;
        if (unique) seen.add(text.trim());
        found++;
        yield {
          ...{ index: tried + next, seed: seeds[next] as number, text, ending: draft.ending as Ending },
          ...{ bytes: draft.bytes(), details: draft.details },
        };
        if (found === count) return;
        collection.signal?.throwIfAborted();
      }
    }
    tried += size;
    onProgress({ found, tried, drawing: 0, drawn: 0 });
  }
}

/** The next part of a sample. */
export interface SamplePiece extends Pick<TextPiece, 'bytes' | 'details' | 'ending'> {
  readonly seed: number;
}

/**
 * Like `collectSamples`, but without filters, and in pieces. The pieces of a sample are held back until all earlier samples have ended.
 */
export async function* collectPieces(
  collection: Pick<SampleCollection, 'count' | 'seedOf' | 'seconds' | 'write' | 'onProgress' | 'signal'>,
): AsyncGenerator<SamplePiece, void, void> {
  const { count, seedOf, write, onProgress } = collection;
  const clock = new Countdown(collection.seconds);
  for (let tried = 0; tried < count && !clock.isOver; ) {
    const size = Math.min(MAX_CONCURRENT, count - tried);
    const seeds = Array.from({ length: size }, (_, k) => seedOf(tried + k));
    const held = seeds.map((): TextPiece[] => []);
    let drawn = 0;
    let next = 0;
    for await (const piece of write(seeds, clock.left)) {
      held[piece.index]?.push(piece);
      drawn += piece.symbols;
      onProgress({ found: tried + next, tried, drawing: size, drawn });
      for (let hasEnded = true; hasEnded && next < size; ) {
        const pieces = held[next]?.splice(0) ?? [];
        const seed = seeds[next] as number;
        for (const { bytes, details, ending } of pieces) {
          yield { bytes, details, ending, seed };
          collection.signal?.throwIfAborted();
        }
        hasEnded = pieces.at(-1)?.ending !== undefined;
        if (hasEnded) next++;
      }
    }
    tried += size;
    onProgress({ found: tried, tried, drawing: 0, drawn: 0 });
  }
}

/** The time left until a limit. It is never zero, because zero is not a valid limit. */
class Countdown {
  readonly #end: number | undefined;

  constructor(seconds: number | undefined) {
    this.#end = seconds === undefined ? undefined : performance.now() + seconds * 1000;
  }

  get left(): number | undefined {
    return this.#end === undefined ? undefined : Math.max(1e-3, (this.#end - performance.now()) / 1000);
  }

  get isOver(): boolean {
    return this.#end !== undefined && performance.now() >= this.#end;
  }
}

/** An unfinished sample. */
class Draft {
  ending: Ending | undefined;
  readonly details: SymbolDetails[] = [];
  readonly #parts: Uint8Array[] = [];

  add({ bytes, details, ending }: TextPiece): void {
    this.#parts.push(bytes);
    this.details.push(...details);
    this.ending = ending;
  }

  bytes(): Uint8Array {
    return joinBytes(this.#parts);
  }

  text(): string {
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(this.bytes());
  }
}

/** The last line of the prompt, which a sample continues. */
function lastLine(prompt: string): string {
  return prompt.slice(Math.max(prompt.lastIndexOf('\n'), prompt.lastIndexOf('\r')) + 1);
}
