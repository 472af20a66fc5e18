/** Number types of Torch7's storages. */
import { fromFloat16 } from '../../checkpoint/safetensors/half-precision.ts';
import type { Precision } from '../../engine/engine.ts';

export interface ElementType {
  readonly name: 'Double' | 'Float' | 'Half' | 'Long' | 'Int' | 'Short' | 'Char' | 'Byte';
  /** Bytes per element in memory, and in files of 64-bit machines. */
  readonly bytes: number;
}

const TYPES: readonly ElementType[] = [
  { name: 'Double', bytes: 8 },
  { name: 'Float', bytes: 4 },
  { name: 'Half', bytes: 2 },
  { name: 'Long', bytes: 8 },
  { name: 'Int', bytes: 4 },
  { name: 'Short', bytes: 2 },
  { name: 'Char', bytes: 1 },
  { name: 'Byte', bytes: 1 },
];

const CLASS = /^torch\.(Cuda|Cl)?(Double|Float|Half|Long|Int|Short|Char|Byte)?(Tensor|Storage)$/;

/**
 * The kind and element type of a tensor or storage class; undefined for other classes.
 *
 * GPU classes (`torch.CudaTensor`, `torch.CudaDoubleStorage`, `torch.ClTensor`) are written like the plain ones. Without a type in the name,
 * their elements are floats.
 */
export function arrayClass(
  className: string,
): { kind: 'Tensor' | 'Storage'; element: ElementType } | undefined {
  const [, device, type, kind] = CLASS.exec(className) ?? [];
  if (!kind || (device === undefined && type === undefined)) return undefined;
  const element = TYPES.find(({ name }) => name === (type ?? 'Float'));
  return element && { kind: kind === 'Tensor' ? 'Tensor' : 'Storage', element };
}

/** The precision for numbers of a type; undefined for integers. */
export function precisionOf({ name }: ElementType): Precision | undefined {
  if (name === 'Double') return 'float64';
  return name === 'Float' || name === 'Half' ? 'float32' : undefined;
}

/** Returns a function that reads the floating-point number at an index of a storage. */
export function floatReader({ name }: ElementType, bytes: Uint8Array): (index: number) => number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (name === 'Double') return (index) => view.getFloat64(index * 8, true);
  if (name === 'Float') return (index) => view.getFloat32(index * 4, true);
  return (index) => fromFloat16(view.getUint16(index * 2, true));
}
