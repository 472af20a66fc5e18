/** Reads the primitive values of a Torch7 file in sequence. */
import type { ElementType } from '../elements.ts';

export interface Source {
  /** Offset of the next byte. */
  readonly offset: number;
  /** Number of bytes left. */
  readonly remaining: number;
  /** Bytes of the smallest object. */
  readonly minObjectBytes: number;

  int(): number;
  longs(count: number): number[];
  double(): number;
  /** A length and that many bytes. */
  string(): Uint8Array;
  /** An array of numbers, as little-endian bytes. Longs have 64 bits. */
  elements(type: ElementType, count: number): Uint8Array;
}
