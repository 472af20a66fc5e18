/** Many samples of one prompt: drawn side by side, given out in order, and only those that are wanted. */
import { joinBytes } from '../util/bytes.ts';
import type { KnownText } from './known-text.ts';
import type { Ending } from './stops.ts';
import type { SymbolDetails, TextPiece } from './writer.ts';

export interface Sample {
  /** Its number among all that were drawn, from 0; the seed follows from it. */
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
  /** Whether each text is given once, white space around it not counted. */
  readonly unique: boolean;
  /** Texts that stand in it are left out. */
  readonly known: KnownText | undefined;
  /** What comes before each sample, to be compared with the known text. */
  readonly prompt: string;
  /** Samples drawn at most. */
  readonly attempts: number;
  readonly seedOf: (index: number) => number;
  /** Time for all of them: it cuts those that are being drawn when it is over, and no more are drawn then. */
  readonly seconds: number | undefined;
  /** Draws samples, in at most some seconds; the pieces' numbers are those of the seeds. */
  readonly write: (seeds: readonly number[], seconds: number | undefined) => AsyncIterable<TextPiece>;
  readonly onProgress: (progress: SampleProgress) => void;
}

export interface SampleProgress {
  /** Samples found so far. */
  readonly found: number;
  /** Samples drawn so far, those that are being drawn not counted. */
  readonly tried: number;
  /** Samples that are being drawn, and how many symbols they have. */
  readonly drawing: number;
  readonly drawn: number;
}

/** Samples that are drawn side by side: more are hardly faster, and take memory. */
const MAX_CONCURRENT = 128;
/** As many at least where some will be left out. */
const MIN_CONCURRENT = 16;

/** The samples in the order of their numbers; fewer than asked for when the attempts or the time do not give as many. */
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
      // In order, each as soon as it is whole: what is given out is not lost when those beside it are interrupted.
      for (; drafts[next]?.ending; next++) {
        const draft = drafts[next] as Draft;
        const text = draft.text();
        if (known?.has(lineOf(prompt) + text) || (unique && seen.has(text.trim()))) continue;
        if (unique) seen.add(text.trim());
        found++;
        yield {
          ...{ index: tried + next, seed: seeds[next] as number, text, ending: draft.ending as Ending },
          ...{ bytes: draft.bytes(), details: draft.details },
        };
        if (found === count) return;
      }
    }
    tried += size;
    onProgress({ found, tried, drawing: 0, drawn: 0 });
  }
}

/** A part of a sample, as it is written. */
export interface SamplePiece extends Pick<TextPiece, 'bytes' | 'details' | 'ending'> {
  readonly seed: number;
}

/**
 * Like `collectSamples` without filtering: yields each sample as it grows, in order; later ones are held back until those before have
 * ended.
 */
export async function* collectPieces(
  collection: Pick<SampleCollection, 'count' | 'seedOf' | 'seconds' | 'write' | 'onProgress'>,
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
        for (const { bytes, details, ending } of pieces) yield { bytes, details, ending, seed };
        hasEnded = pieces.at(-1)?.ending !== undefined;
        if (hasEnded) next++;
      }
    }
    tried += size;
    onProgress({ found: tried, tried, drawing: 0, drawn: 0 });
  }
}

/** The time that is left of some seconds, of which there is always a little: no limit on time is zero. */
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

/** A sample while it is drawn. */
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

/** What a sample goes on from: the last line of the prompt. */
function lineOf(prompt: string): string {
  return prompt.slice(Math.max(prompt.lastIndexOf('\n'), prompt.lastIndexOf('\r')) + 1);
}
