/** The primitive values of a Torch7 file, one after the other. */
import type { ElementType } from '../elements.ts';

export interface Source {
  /** The next byte. */
  readonly offset: number;
  /** Bytes that are left. */
  readonly remaining: number;
  /** Bytes of the shortest object. */
  readonly shortestObject: number;

  int(): number;
  longs(count: number): number[];
  double(): number;
  /** A length and as many bytes. */
  string(): Uint8Array;
  /** An array of numbers, little endian; longs in 64 bits. */
  elements(type: ElementType, count: number): Uint8Array;
}
