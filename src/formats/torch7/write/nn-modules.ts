/** Modules of Torch's nn as the original's networks have them: in double precision, their buffers empty. */
import { arrayClass } from '../elements.ts';
import { Storage, Table, Tensor, TorchObject, type Value } from '../values.ts';

const TYPE = 'torch.DoubleTensor';

/** A module with its own fields beside those that all have. */
export function nnModule(className: string, fields: Readonly<Record<string, Value>> = {}): TorchObject {
  return new TorchObject(
    className,
    Table.of({ _type: TYPE, output: emptyTensor(), gradInput: emptyTensor(), ...fields }),
  );
}

/** A module that takes a table of tensors. */
export function tableModule(className: string): TorchObject {
  return nnModule(className, { gradInput: new Table() });
}

/** The one-hot vector of a number, a row of the unit matrix. */
export function oneHot(size: number): TorchObject {
  const unit = new Float64Array(size * size);
  for (let index = 0; index < size; index++) unit[index * size + index] = 1;
  return nnModule('OneHot', { outputSize: size, _eye: tensorOn(doubleStorage(unit), [size, size], 0) });
}

/** What its matrix takes. */
export function oneHotBytes(size: number): number {
  return size * size * Float64Array.BYTES_PER_ELEMENT;
}

/** [batch, rows · columns] to [batch, rows, columns]. */
export function reshape(rows: number, columns: number): TorchObject {
  return nnModule('nn.Reshape', {
    nelement: rows * columns,
    size: longStorage([rows, columns]),
    // The first is set to the size of the batch.
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

/** The loss, which training needs and sampling does not. */
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

/** A tensor in row-major order on a storage, from an element on. */
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
  if (!array) throw new RangeError(`${className} is no storage`);
  return new Storage(
    className,
    array.element,
    new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  );
}

function emptyTensor(): Tensor {
  return new Tensor({ className: TYPE, sizes: [], strides: [], offset: 1 });
}
