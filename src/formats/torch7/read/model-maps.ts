/** Describes a model by its linear maps, and assembles its parameters from them. */
import { type Cell, gateCount, resetField } from '../../../engine/cells.ts';
import type { FloatArray, Precision } from '../../../engine/engine.ts';
import { type ParameterSlice, parameterCount, parameterSlices } from '../../../engine/layout.ts';
import { floatArrayType, floats } from '../../../engine/precision.ts';
import { layoutOf, type ModelConfig } from '../../../model/config.ts';
import { NO_REGULARIZATION, type Regularization } from '../../../model/regularization.ts';
import { malformed, unsupported } from '../errors.ts';
import { elementOf, type Matrix } from './matrix.ts';

/** A change to the input of a linear map: x·scale + shift, element by element. */
export interface InputChange {
  /** For each element, or one number for all. */
  readonly scale: Float64Array | number;
  /** For each element. Default: 0. */
  readonly shift?: Float64Array | undefined;
}

/** y = W x + b. */
export interface LinearMap {
  /** W, [outputs, inputs]. */
  readonly weight: Matrix;
  /** b, [outputs]. Undefined: 0. */
  readonly bias: Matrix | undefined;
  readonly change?: InputChange | undefined;
}

/** The maps of a gate: from the layer's input, and from its state before the step. */
export interface GateMaps {
  readonly input: LinearMap;
  readonly state: LinearMap;
}

export interface ModelMaps {
  readonly cell: Cell;
  /** [V, D] */
  readonly embedding?: Matrix | undefined;
  /** The gates of each layer, in our order (engine/cells.ts). */
  readonly layers: readonly (readonly GateMaps[])[];
  readonly decoder: LinearMap;
  readonly dropout: number;
}

export interface AssembledModel {
  readonly config: ModelConfig;
  readonly regularization: Regularization;
  readonly precision: Precision;
  readonly parameters: FloatArray;
}

/**
 * Assembles a model.
 *
 * @param order The number in the file of each of our tokens.
 * @param fileSize Bytes of the file. A model with more parameters than that can hold is rejected before memory is allocated.
 * @throws {Torch7Fault}
 */
export function assembleModel(maps: ModelMaps, order: readonly number[], fileSize: number): AssembledModel {
  const { cell, embedding, layers, decoder, dropout } = maps;
  const hiddenSize = layers[0]?.[0]?.state.weight.rows ?? 0;
  const config: ModelConfig = {
    cell,
    layers: layers.length,
    hiddenSize,
    vocabularySize: order.length,
    ...(embedding && { embeddingSize: embedding.columns }),
    ...resetField(cell, 'before'),
  };
  const layout = layoutOf(config);
  const { precision } = decoder.weight;
  const count = parameterCount(layout);
  // Files hold every number once, and mostly its gradient too. But overlapping views could make a model of any size.
  if (count * floatArrayType(precision).BYTES_PER_ELEMENT > 2 * fileSize)
    throw malformed(`its model would have ${count} parameters, more than the file can hold`);
  const parameters = floats(precision, count);
  const pieces = piecesOf(maps, config, order);
  for (const slice of parameterSlices(layout)) {
    let at = slice.offset;
    for (const piece of pieces[slice.module] ?? []) {
      if (piece.name !== slice.name) continue;
      const target = parameters.subarray(at, at + piece.rows * piece.columns);
      if (piece.name.startsWith('bias')) fillBias(target, piece);
      else fillWeight(target, piece);
      at += target.length;
    }
  }
  if (!parameters.every(Number.isFinite)) throw malformed('a weight is not a finite number');
  return { config, regularization: { ...NO_REGULARIZATION, dropout }, precision, parameters };
}

/** A parameter tensor of ours, or a gate's part of one. */
interface Piece {
  readonly name: ParameterSlice['name'];
  readonly rows: number;
  readonly columns: number;
  readonly map: LinearMap;
  /** For each of our rows and columns, its index in the file. Default: the same index. */
  readonly rowOrder?: readonly number[] | undefined;
  readonly columnOrder?: readonly number[] | undefined;
  /** Its name in messages. */
  readonly where: string;
}

/** The pieces of each module of the layout. Those of a tensor are in the order of its rows. */
function piecesOf(maps: ModelMaps, config: ModelConfig, order: readonly number[]): Piece[][] {
  const { cell, embedding, layers, decoder } = maps;
  const { hiddenSize, vocabularySize } = config;
  const modules: Piece[][] = [];
  if (embedding) {
    const map = { weight: embedding, bias: undefined };
    const [rows, { columns }] = [vocabularySize, embedding];
    modules.push([{ name: 'weight', rows, columns, map, rowOrder: order, where: 'the embedding' }]);
  }
  for (const [index, gates] of layers.entries()) {
    const where = `layer ${index + 1}`;
    if (gates.length !== gateCount(cell)) throw unsupported(`${where} has ${gates.length} gates`);
    const inputs = index > 0 ? hiddenSize : (embedding?.columns ?? vocabularySize);
    const columnOrder = index > 0 || embedding ? undefined : order;
    modules.push(
      gates.flatMap(({ input, state }): Piece[] => [
        { name: 'weight_ih', rows: hiddenSize, columns: inputs, map: input, columnOrder, where },
        { name: 'bias_ih', rows: hiddenSize, columns: 1, map: input, where },
        { name: 'weight_hh', rows: hiddenSize, columns: hiddenSize, map: state, where },
        { name: 'bias_hh', rows: hiddenSize, columns: 1, map: state, where },
      ]),
    );
  }
  const top = { rows: vocabularySize, map: decoder, rowOrder: order, where: 'the decoder' };
  modules.push([
    { ...top, name: 'weight', columns: hiddenSize },
    { ...top, name: 'bias', columns: 1 },
  ]);
  return modules;
}

/** Writes W, row-major, multiplied by the scale of its input. */
function fillWeight(target: FloatArray, piece: Piece): void {
  const { rows, columns, map, rowOrder, columnOrder } = piece;
  const scale = map.change?.scale ?? 1;
  checkSize(map.weight, 'weight', piece);
  for (let row = 0, at = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const value = elementOf(map.weight, rowOrder?.[row] ?? row, columnOrder?.[column] ?? column);
      target[at++] = value * (typeof scale === 'number' ? scale : (scale[column] as number));
    }
  }
}

/** Writes b plus W times the shift of its input. */
function fillBias(target: FloatArray, piece: Piece): void {
  const { weight, bias, change } = piece.map;
  if (bias) checkSize(bias, 'bias', piece);
  for (let row = 0; row < target.length; row++) {
    const from = piece.rowOrder?.[row] ?? row;
    let sum = bias ? elementOf(bias, from, 0) : 0;
    change?.shift?.forEach((shift, column) => {
      if (shift !== 0) sum += elementOf(weight, from, column) * shift;
    });
    target[row] = sum;
  }
}

function checkSize(matrix: Matrix, what: string, { rows, columns, where }: Piece): void {
  if (matrix.rows !== rows || matrix.columns !== columns)
    throw malformed(
      `the ${what} of ${where} is [${matrix.rows}, ${matrix.columns}], expected [${rows}, ${columns}]`,
    );
}
