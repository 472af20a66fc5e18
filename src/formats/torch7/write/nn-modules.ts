/** Makes modules of Torch's nn as in the original's networks: in double precision, with empty buffers. */
import { arrayClass } from '../elements.ts';
import { Storage, Table, Tensor, TorchObject, type Value } from '../values.ts';

const TYPE = 'torch.DoubleTensor';

/** A module with the fields that all modules have and some more. */
export function nnModule(className: string, fields: Readonly<Record<string, Value>> = {}): TorchObject {
  return new TorchObject(
    className,
    Table.of({ _type: TYPE, output: emptyTensor(), gradInput: emptyTensor(), ...fields }),
  );
}

/** A module whose input is a table of tensors. */
export function tableModule(className: string): TorchObject {
  return nnModule(className, { gradInput: new Table() });
}

/** A module that gives the one-hot vector of a number: a row of the identity matrix. */
export function oneHot(size: number): TorchObject {
  const unit = new Float64Array(size * size);
  for (let index = 0; index < size; index++) unit[index * size + index] = 1;
  return nnModule('OneHot', { outputSize: size, _eye: tensorOn(doubleStorage(unit), [size, size], 0) });
}

/** Bytes of its matrix. */
export function oneHotBytes(size: number): number {
  return size * size * Float64Array.BYTES_PER_ELEMENT;
}

/** [batch, rows · columns] to [batch, rows, columns]. */
export function reshape(rows: number, columns: number): TorchObject {
  return nnModule('nn.Reshape', {
    nelement: rows * columns,
    size: longStorage([rows, columns]),
    // The module replaces the 0 by the batch size.
    batchsize: longStorage([0, rows, columns]),
  });
}

export function dropout(p: number): TorchObject {
  return nnModule('nn.Dropout', {
    p,
    noise: emptyTensor(),
    train: true,
    v2: true,
    stochastic_inference: false,
  });
}

/** The loss function, which only training needs. */
export function criterion(): TorchObject {
  return new TorchObject(
    'nn.ClassNLLCriterion',
    Table.of({
      sizeAverage: true,
      ignoreIndex: -100,
      output: 0,
      gradInput: emptyTensor(),
      output_tensor: tensorOn(doubleStorage(Float64Array.of(0)), [1], 0),
      total_weight_tensor: tensorOn(doubleStorage(Float64Array.of(1)), [1], 0),
      target: tensorOn(longStorage([0]), [1], 0, 'torch.LongTensor'),
    }),
  );
}

/** A row-major view of a storage that starts at an element. */
export function tensorOn(
  storage: Storage,
  sizes: readonly number[],
  start: number,
  className: string = TYPE,
): Tensor {
  const strides = sizes.map((_, axis) => sizes.slice(axis + 1).reduce((product, size) => product * size, 1));
  const tensor = new Tensor({ className, sizes, strides, offset: start + 1 });
  tensor.storage = storage;
  return tensor;
}

export function doubleStorage(values: Float64Array): Storage {
  return storage('torch.DoubleStorage', values);
}

function longStorage(values: readonly number[]): Storage {
  return storage('torch.LongStorage', BigInt64Array.from(values, BigInt));
}

function storage(className: string, values: Float64Array | BigInt64Array): Storage {
  const array = arrayClass(className);
  if (!array) throw new RangeError(`${className} is not a storage class`);
  return new Storage(
    className,
    array.element,
    new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  );
}

function emptyTensor(): Tensor {
  return new Tensor({ className: TYPE, sizes: [], strides: [], offset: 1 });
}
