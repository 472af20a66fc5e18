/**
 * Splits a text that comes in pieces into grapheme clusters (UAX #29).
 *
 * Between two simple characters there is a boundary (except within CRLF), so most clusters need no Unicode tables. Everything else goes to the platform's
 * segmenter (`Intl.Segmenter`), about a word at a time. The results are remembered, because the words of a language recur.
 */
import { isSimple } from './simple-characters.ts';
import { clustersOf } from './tokenizer.ts';

/** Receives the clusters in order. */
export interface ClusterVisitor {
  /** Receives a cluster of one simple character, as its code unit. */
  simple(unit: number): void;
  /** Receives any other cluster. */
  cluster(cluster: string): void;
}

/** Maximum number of stretches to remember. When it is reached, all are forgotten. */
const MAX_REMEMBERED = 20_000;
/** Maximum code units of a stretch to remember. */
const MAX_REMEMBERED_LENGTH = 64;

const CR = 0x0d;
const LF = 0x0a;

export class GraphemeSplitter {
  readonly #visitor: ClusterVisitor;
  readonly #remembered = new Map<string, readonly string[]>();
  #held = '';

  constructor(visitor: ClusterVisitor) {
    this.#visitor = visitor;
  }

  /** Code units held back until the next piece. */
  get held(): number {
    return this.#held.length;
  }

  /** Visits the clusters that no later piece can change; all of them if `end` is true. */
  push(piece: string, end: boolean): void {
    const text = this.#held + piece;
    const { length } = text;
    let at = 0;
    while (at < length) {
      const unit = text.charCodeAt(at);
      // Treat the end of the text like a line feed, except after a carriage return.
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

  /** The clusters from `start`, where one begins, to the next certain boundary; undefined if there is none yet. */
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

  /** The clusters of a stretch that is followed by a simple character; undefined if that would join the last cluster. */
  #segment(stretch: string): readonly string[] | undefined {
    const clusters = [...clustersOf(`${stretch}x`)];
    if (clusters.pop() !== 'x') return undefined;
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
    if (stretch.length <= MAX_REMEMBERED_LENGTH) this.#remembered.set(stretch, clusters);
    return clusters;
  }
}

function canCut(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return isSimple(unit) && !(unit === LF && text.charCodeAt(at - 1) === CR);
}
