/** A model as the linear maps that it is made of, and the parameters from them. */
import { type Cell, gateCount, resetField } from '../../../engine/cells.ts';
import type { FloatArray, Precision } from '../../../engine/engine.ts';
import { type ParameterSlice, parameterCount, parameterSlices } from '../../../engine/layout.ts';
import { floatArrayType, floats } from '../../../engine/precision.ts';
import { layoutOf, type ModelConfig } from '../../../model/config.ts';
import type { Regularization } from '../../../model/regularization.ts';
import { malformed, unsupported } from '../errors.ts';
import { elementOf, type Matrix } from './matrix.ts';

/** What an input goes through before a linear map: x·scale + shift, element by element. */
export interface InputChange {
  /** Of each element, or one for all. */
  readonly scale: Float64Array | number;
  /** Of each element; absent: 0. */
  readonly shift?: Float64Array | undefined;
}

/** y = W x + b. */
export interface LinearMap {
  /** W, [outputs, inputs]. */
  readonly weight: Matrix;
  /** b, [outputs]; absent: 0. */
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
  /** Of each layer the gates, in our order (engine/layout.ts). */
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
 * The model with these maps.
 *
 * @param order Of each of our tokens, its number in the file.
 * @param fileSize Bytes of the file: more parameters than it can hold are refused before memory is taken.
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
  // Files hold every number once, and mostly its gradient too; views that lie over each other could claim any size.
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
  return { config, regularization: { dropout }, precision, parameters };
}

/** A tensor of our parameters, or the part of one that is a gate's. */
interface Piece {
  readonly name: ParameterSlice['name'];
  readonly rows: number;
  readonly columns: number;
  readonly map: LinearMap;
  /** Which row and column of the file stands at each place of ours; absent: the same. */
  readonly rowOrder?: readonly number[] | undefined;
  readonly columnOrder?: readonly number[] | undefined;
  /** What it is called in messages. */
  readonly where: string;
}

/** Of each module of the layout its pieces; those of a tensor in the order of its rows. */
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

/** W, row-major, with what scales its input. */
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

/** b, and what the weights make of a shift of their input. */
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
