/** Writes the primitive values of a Torch7 file. */
import type { ElementType } from '../elements.ts';

export interface Sink {
  int(value: number): void;
  longs(values: readonly number[]): void;
  double(value: number): void;
  /** A length and the bytes. */
  string(bytes: Uint8Array): void;
  /** An array of numbers, as little-endian bytes. */
  elements(type: ElementType, bytes: Uint8Array): void;
  /** The file in parts. */
  parts(): Uint8Array[];
}
