/** The flags of `char-rnn sweep`. */
import type { Method } from '../../sweep/search.ts';

export interface SweepFlags {
  readonly try: readonly string[];
  /** `20` or `+20`. */
  readonly trials?: string | undefined;
  readonly method?: Method | undefined;
  readonly seed?: number | undefined;
  readonly rungs?: number | undefined;
  readonly eta?: number | undefined;
  readonly validation?: string | undefined;
  readonly name?: string | undefined;
  readonly workers?: number | undefined;
  /** The URL of a PostgreSQL database. */
  readonly database?: string | undefined;
  /** Where the texts of a sweep are on this machine. */
  readonly textFile: readonly string[];
  readonly log: 'auto' | 'plain';
  readonly csv: boolean;
  readonly json: boolean;
}
