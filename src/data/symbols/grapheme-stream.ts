/**
 * Grapheme clusters (UAX #29) of a text that comes in pieces, fast where it is simple.
 *
 * Most clusters are one simple character beside another, and need no look at Unicode's tables. What lies between goes to the
 * system's segmenter, a word or so at a time, and is remembered: the words of a language come again.
 */
import { isSimple } from './simple-characters.ts';
import { clustersOf } from './tokenizer.ts';

/** Receives the clusters in order. */
export interface ClusterVisitor {
  /** A cluster of one simple character, by its code unit. */
  simple(unit: number): void;
  /** Any other. */
  cluster(cluster: string): void;
}

/** Stretches that are remembered; all are forgotten when there are more. */
const REMEMBERED = 20_000;
/** Code units of the longest that is. */
const LONGEST_REMEMBERED = 64;

const CR = 0x0d;
const LF = 0x0a;

export class GraphemeStream {
  readonly #visitor: ClusterVisitor;
  readonly #remembered = new Map<string, readonly string[]>();
  #held = '';

  constructor(visitor: ClusterVisitor) {
    this.#visitor = visitor;
  }

  /** Code units that wait for what comes next. */
  get held(): number {
    return this.#held.length;
  }

  /** Visits the clusters that are certain after a piece; with `end` all that there are. */
  push(piece: string, end: boolean): void {
    const text = this.#held + piece;
    const { length } = text;
    let at = 0;
    while (at < length) {
      const unit = text.charCodeAt(at);
      // After the end a line feed might stand, but for a carriage return.
      const next = at + 1 < length ? text.charCodeAt(at + 1) : end && unit !== CR ? LF : Number.NaN;
      if (isSimple(unit) && isSimple(next) && !(unit === CR && next === LF)) {
        this.#visitor.simple(unit);
        at++;
        continue;
      }
      const stretch = this.#stretch(text, at, end);
      if (!stretch) break;
      for (const cluster of stretch.clusters) this.#visitor.cluster(cluster);
      at += stretch.length;
    }
    this.#held = text.slice(at);
  }

  /** The clusters from a start of one up to the next place that is certain to be one; undefined where there is none yet. */
  #stretch(
    text: string,
    start: number,
    end: boolean,
  ): { clusters: readonly string[]; length: number } | undefined {
    for (let at = start + 1; ; at++) {
      while (at < text.length && !canCut(text, at)) at++;
      if (at === text.length) {
        return end ? { clusters: [...clustersOf(text.slice(start))], length: at - start } : undefined;
      }
      const stretch = text.slice(start, at);
      const clusters = this.#remembered.get(stretch) ?? this.#segment(stretch);
      if (clusters) return { clusters, length: stretch.length };
    }
  }

  /** The clusters of a stretch with a simple character after it; undefined where its end would take that in. */
  #segment(stretch: string): readonly string[] | undefined {
    const clusters = [...clustersOf(`${stretch}x`)];
    if (clusters.pop() !== 'x') return undefined;
    if (this.#remembered.size >= REMEMBERED) this.#remembered.clear();
    if (stretch.length <= LONGEST_REMEMBERED) this.#remembered.set(stretch, clusters);
    return clusters;
  }
}

function canCut(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return isSimple(unit) && !(unit === LF && text.charCodeAt(at - 1) === CR);
}
