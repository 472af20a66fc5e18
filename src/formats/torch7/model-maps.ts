/** A model as the linear maps that it is made of, and the parameters from them. */
import type { FloatArray, Precision } from '../../engine/engine.ts';
import { type Cell, gateCount, parameterCount, parameterSlices } from '../../engine/layout.ts';
import { layoutOf, type ModelConfig } from '../../model/config.ts';
import { malformed, unsupported } from './errors.ts';
import { elementOf, type Matrix } from './matrix.ts';

/** What an input goes through before a linear map: x·scale + shift, element by element. */
export interface InputChange {
  readonly scale: Float64Array;
  readonly shift: Float64Array;
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

/**
 * The model with these maps.
 *
 * @param order Of each of our tokens, its number in the file.
 * @param fileSize Bytes of the file: more parameters than it can hold are refused before memory is taken.
 * @throws {Torch7Fault}
 */
export function assembleModel(
  maps: ModelMaps,
  order: readonly number[],
  fileSize: number,
): { config: ModelConfig; precision: Precision; parameters: FloatArray } {
  const { cell, embedding, layers, decoder, dropout } = maps;
  const hiddenSize = layers[0]?.[0]?.state.weight.rows ?? 0;
  if (!(dropout >= 0 && dropout < 1)) throw malformed(`dropout is ${dropout}, expected 0 to 1`);
  const config: ModelConfig = {
    cell,
    layers: layers.length,
    hiddenSize,
    vocabularySize: order.length,
    ...(embedding && { embeddingSize: embedding.columns }),
    ...(cell === 'gru' && { reset: 'before' as const }),
    dropout,
  };
  const layout = layoutOf(config);
  const { precision } = decoder.weight;
  const count = parameterCount(layout);
  // Files hold every number once, and mostly its gradient too; views that lie over each other could claim any size.
  if (count * (precision === 'float64' ? 8 : 4) > 2 * fileSize)
    throw malformed(`its model would have ${count} parameters, more than the file can hold`);
  const parameters = precision === 'float64' ? new Float64Array(count) : new Float32Array(count);
  const byToken = { rows: order, columns: undefined };
  for (const { module, name, offset, shape } of parameterSlices(layout)) {
    const place = (at: number, length: number) => parameters.subarray(offset + at, offset + at + length);
    const owner = layout[module];
    if (owner?.kind === 'embedding') {
      const where = 'the embedding';
      fillMatrix(place(0, order.length * owner.outputSize), embedding, owner.outputSize, byToken, where);
    } else if (owner?.kind === 'linear') {
      const target = place(
        0,
        shape.reduce((product, length) => product * length, 1),
      );
      if (name === 'bias') fillBias(target, decoder, order, 'the decoder');
      else fillWeight(target, decoder, hiddenSize, byToken, 'the decoder');
    } else if (owner) {
      const gates = layers[module - (embedding ? 1 : 0)] ?? [];
      if (gates.length !== gateCount(cell)) throw unsupported(`${owner.name} has ${gates.length} gates`);
      for (const [gate, { input, state }] of gates.entries()) {
        const [map, inputs] = name.endsWith('ih') ? [input, owner.inputSize] : [state, hiddenSize];
        const where = `gate ${gate + 1} of ${owner.name}`;
        const columns = owner.input === 'tokens' && map === input ? order : undefined;
        if (name.startsWith('bias')) fillBias(place(gate * hiddenSize, hiddenSize), map, undefined, where);
        else
          fillWeight(
            place(gate * hiddenSize * inputs, hiddenSize * inputs),
            map,
            inputs,
            { rows: undefined, columns },
            where,
          );
      }
    }
  }
  if (!parameters.every(Number.isFinite)) throw malformed('a weight is not a finite number');
  return { config, precision, parameters };
}

/** Which row and column of the file stands at each place of ours; undefined: the same. */
interface Order {
  readonly rows: readonly number[] | undefined;
  readonly columns: readonly number[] | undefined;
}

function fillWeight(target: FloatArray, map: LinearMap, inputs: number, order: Order, where: string): void {
  fillMatrix(target, map.weight, inputs, order, where, map.change?.scale);
}

/** Row-major, [outputs, inputs]. */
function fillMatrix(
  target: FloatArray,
  matrix: Matrix | undefined,
  inputs: number,
  order: Order,
  where: string,
  scale?: Float64Array,
): void {
  const outputs = target.length / inputs;
  if (matrix?.rows !== outputs || matrix.columns !== inputs) {
    throw malformed(
      `the weights of ${where} are [${matrix?.rows}, ${matrix?.columns}], expected [${outputs}, ${inputs}]`,
    );
  }
  for (let row = 0, at = 0; row < outputs; row++) {
    for (let column = 0; column < inputs; column++) {
      const value = elementOf(matrix, order.rows?.[row] ?? row, order.columns?.[column] ?? column);
      target[at++] = scale ? value * (scale[column] as number) : value;
    }
  }
}

/** The bias, and what the weights make of a shift of their input. */
function fillBias(
  target: FloatArray,
  { weight, bias, change }: LinearMap,
  order: readonly number[] | undefined,
  where: string,
): void {
  if (bias && (bias.rows !== target.length || bias.columns !== 1))
    throw malformed(`the bias of ${where} is [${bias.rows}, ${bias.columns}], expected [${target.length}]`);
  for (let row = 0; row < target.length; row++) {
    const from = order?.[row] ?? row;
    let sum = bias ? elementOf(bias, from, 0) : 0;
    change?.shift.forEach((shift, column) => {
      if (shift !== 0) sum += elementOf(weight, from, column) * shift;
    });
    target[row] = sum;
  }
}
