/** Where the primitive values of a Torch7 file are written to. */
import type { ElementType } from '../elements.ts';

export interface Sink {
  int(value: number): void;
  longs(values: readonly number[]): void;
  double(value: number): void;
  /** A length and the bytes. */
  string(bytes: Uint8Array): void;
  /** An array of numbers, given little endian. */
  elements(type: ElementType, bytes: Uint8Array): void;
  /** The file in parts, to be written one after the other. */
  parts(): Uint8Array[];
}
