/**
 * Records the states and gates of a model while it reads a text.
 *
 * Dimension letters: T time steps, D layer input, H hidden units, G gates, V vocabulary. The text is one row, B = 1.
 */
import { carriesC, gateCount, stateParts } from '../engine/cells.ts';
import type { Engine, FloatArray, Tensor, Vector } from '../engine/engine.ts';
import {
  type Layout,
  parameterCount,
  parameterSlice,
  parameterSlices,
  type RecurrentModule,
} from '../engine/layout.ts';
import { MemoryError } from '../errors.ts';
import { layoutOf, type ModelConfig } from '../model/config.ts';
import { TurnTaker } from '../util/event-loop.ts';
import { formatBytes } from '../util/format.ts';
import { combineGates, isGate } from './gates.ts';
import { partsOf, statesKey, type UnitPart, UnitStates } from './unit-states.ts';

/** Steps per call of the engine. */
const STEPS = 256;
/** The most memory for the recorded values. */
const MAX_BYTES = 2 ** 30;

export interface StatesReading {
  readonly engine: Engine;
  readonly config: ModelConfig;
  /** In canonical order. */
  readonly parameters: FloatArray;
  readonly tokens: Int32Array;
  /** One for each token. */
  readonly symbols: readonly string[];
  /** Numbered from 1. Default: all. */
  readonly layers?: readonly number[] | undefined;
  readonly parts: readonly UnitPart[];
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of symbols read. */
  readonly onProgress?: ((done: number) => void) | undefined;
}

/**
 * Reads the text from the zero state.
 *
 * @throws {RangeError} for a layer or part that the model does not have
 * @throws {MemoryError} before anything is read, if the values would need more than 1 GiB
 * @throws the signal's reason if it is aborted
 */
export async function readStates(reading: StatesReading): Promise<UnitStates> {
  const { config, tokens, symbols, parts, signal } = reading;
  const layers = [...(reading.layers ?? Array.from({ length: config.layers }, (_, layer) => layer + 1))];
  checkSelection(config, layers, parts);
  const bytes = layers.length * parts.length * tokens.length * config.hiddenSize * 4;
  if (bytes > MAX_BYTES) {
    throw new MemoryError(
      `the states of ${tokens.length} symbols would need ${formatBytes(bytes)}, expected at most ${formatBytes(MAX_BYTES)}: read a shorter text, or fewer layers or parts.`,
    );
  }
  const values = new Map<string, Float32Array>();
  for (const layer of layers)
    for (const part of parts)
      values.set(statesKey(layer, part), new Float32Array(tokens.length * config.hiddenSize));
  const reader = new StatesReader(reading, layers, values);
  const turns = new TurnTaker();
  try {
    for (let from = 0; from < tokens.length; from += STEPS) {
      signal?.throwIfAborted();
      await reader.read(from, Math.min(STEPS, tokens.length - from));
      reading.onProgress?.(Math.min(tokens.length, from + STEPS));
      await turns.take();
    }
  } finally {
    reader.release();
  }
  return new UnitStates(symbols, config.hiddenSize, layers, parts, values);
}

function checkSelection(config: ModelConfig, layers: readonly number[], parts: readonly UnitPart[]): void {
  for (const layer of layers)
    if (!Number.isInteger(layer) || layer < 1 || layer > config.layers)
      throw new RangeError(`got layer ${layer}, expected one from 1 to ${config.layers}`);
  const known = partsOf(config.cell);
  for (const part of parts)
    if (!known.includes(part))
      throw new RangeError(
        `got part ${part}, expected one of ${known.join(', ')}: the cell is ${config.cell}`,
      );
}

/** The tensors of a piece of T steps. */
interface Piece {
  readonly tokens: Tensor;
  /** float [T, 1, D], of an embedding. */
  readonly embedded: Tensor | undefined;
  /** For each layer, float [T, 1, H]. */
  readonly outputs: readonly Tensor[];
  readonly cells: readonly Tensor[];
}

/** A matrix [G·H, width] with its bias. */
interface Matrix {
  readonly weights: Vector;
  readonly width: number;
}

class StatesReader {
  readonly #engine: Engine;
  readonly #reading: StatesReading;
  readonly #layout: Layout;
  readonly #layers: readonly number[];
  readonly #values: ReadonlyMap<string, Float32Array>;
  readonly #handles: Parameters<Engine['release']>[0][] = [];
  readonly #states: readonly Tensor[];
  readonly #pieces = new Map<number, Piece>();
  readonly #weights: Vector;
  /** Those that gates are computed with, by their offset. */
  readonly #matrices = new Map<number, Matrix>();
  /** h of each recorded layer after the last piece. */
  readonly #before = new Map<number, FloatArray>();

  constructor(reading: StatesReading, layers: readonly number[], values: ReadonlyMap<string, Float32Array>) {
    const { engine, config, parameters } = reading;
    this.#engine = engine;
    this.#reading = reading;
    this.#layers = layers;
    this.#values = values;
    this.#layout = layoutOf(config);
    this.#weights = this.#keep(engine.vector(this.#layout));
    engine.write(this.#weights, parameters);
    const S = stateParts(config.cell);
    this.#states = Array.from({ length: config.layers }, () =>
      this.#keep(engine.tensor('float', [S, 1, config.hiddenSize])),
    );
  }

  /** Reads `steps` tokens from position `from` on, and records the values. */
  async read(from: number, steps: number): Promise<void> {
    const { tokens, config, parts } = this.#reading;
    const piece = this.#piece(steps);
    const weights = this.#weights;
    this.#engine.write(piece.tokens, tokens.subarray(from, from + steps));
    let input = piece.tokens;
    let module = 0;
    if (piece.embedded) {
      this.#engine.embeddingForward({ weights, module: module++, tokens: input, output: piece.embedded });
      input = piece.embedded;
    }
    const inputs: Tensor[] = [];
    for (const [index, state] of this.#states.entries()) {
      const output = piece.outputs[index] as Tensor;
      const common = { weights, module: module + index, input, initial: state, final: state, output };
      this.#engine.recurrentForward({ ...common, cells: piece.cells[index] });
      inputs.push(input);
      input = output;
    }
    for (const layer of this.#layers) {
      const hidden = (await this.#engine.read(piece.outputs[layer - 1] as Tensor)) as FloatArray;
      if (parts.includes('h')) this.#record(layer, 'h', from, hidden);
      if (parts.includes('c')) {
        this.#record(
          layer,
          'c',
          from,
          (await this.#engine.read(piece.cells[layer - 1] as Tensor)) as FloatArray,
        );
      }
      if (parts.some(isGate)) {
        const gates = await this.#gates(layer, module + layer - 1, inputs[layer - 1] as Tensor, hidden, from);
        for (const part of parts.filter(isGate))
          this.#record(layer, part, from, gates.get(part) as FloatArray);
      }
      this.#before.set(layer, hidden.slice(-config.hiddenSize));
    }
  }

  release(): void {
    for (const handle of this.#handles) this.#engine.release(handle);
  }

  /** The gates of a layer, from its input and the states before each step: sums by the engine's linear map, then the non-linearities. */
  async #gates(layer: number, module: number, input: Tensor, hidden: FloatArray, from: number) {
    const { config, tokens } = this.#reading;
    const H = config.hiddenSize;
    const steps = hidden.length / H;
    const previous = new Float64Array(hidden.length);
    const before = this.#before.get(layer);
    if (before) previous.set(before);
    previous.set(hidden.subarray(0, hidden.length - H), H);
    const shape = this.#layout[module] as RecurrentModule;
    const place = (name: 'weight_ih' | 'weight_hh') =>
      parameterSlice(this.#layout, module, name)?.offset ?? 0;
    const fromInput =
      shape.input === 'tokens'
        ? this.#lookUp(shape, place('weight_ih'), tokens.subarray(from, from + steps))
        : await this.#linear(shape, place('weight_ih'), (await this.#engine.read(input)) as FloatArray);
    const product = (values: Float64Array) => this.#linear(shape, place('weight_hh'), values);
    return await combineGates(shape, fromInput, previous, product, this.#reading.parts);
  }

  /** W x + b for a matrix [G·H, width] at an offset of the parameters, which its bias follows. */
  async #linear(module: RecurrentModule, offset: number, values: FloatArray): Promise<FloatArray> {
    const engine = this.#engine;
    const { weights, width } = this.#matrix(module, offset);
    const steps = values.length / width;
    const input = engine.tensor('float', [steps, 1, width]);
    const output = engine.tensor('float', [steps, 1, gateCount(module.cell) * module.hiddenSize]);
    try {
      engine.write(input, values);
      engine.linearForward({ weights, module: 0, input, output });
      return (await engine.read(output)) as FloatArray;
    } finally {
      for (const handle of [input, output]) engine.release(handle);
    }
  }

  /** The matrix at an offset of the parameters, with its bias, as a linear map of its own: made once, and kept for all pieces. */
  #matrix({ cell, hiddenSize }: RecurrentModule, offset: number): Matrix {
    const known = this.#matrices.get(offset);
    if (known) return known;
    const width = offsetWidth(this.#layout, offset);
    const outputSize = gateCount(cell) * hiddenSize;
    const layout: Layout = [{ kind: 'linear', name: 'gates', inputSize: width, outputSize }];
    const weights = this.#keep(this.#engine.vector(layout));
    const { parameters } = this.#reading;
    this.#engine.write(weights, parameters.subarray(offset, offset + parameterCount(layout)));
    const made = { weights, width };
    this.#matrices.set(offset, made);
    return made;
  }

  /** The columns of W that tokens select, plus the bias: [T, G·H]. */
  #lookUp(
    { cell, hiddenSize, inputSize: V }: RecurrentModule,
    offset: number,
    tokens: Int32Array,
  ): FloatArray {
    const { parameters } = this.#reading;
    const width = gateCount(cell) * hiddenSize;
    const bias = offset + width * V;
    const sums = new Float64Array(tokens.length * width);
    tokens.forEach((token, t) => {
      for (let j = 0; j < width; j++)
        sums[t * width + j] =
          (parameters[offset + j * V + token] as number) + (parameters[bias + j] as number);
    });
    return sums;
  }

  #record(layer: number, part: UnitPart, from: number, values: FloatArray): void {
    this.#values.get(statesKey(layer, part))?.set(values, from * this.#reading.config.hiddenSize);
  }

  #piece(steps: number): Piece {
    const known = this.#pieces.get(steps);
    if (known) return known;
    const { cell, layers, hiddenSize, embeddingSize } = this.#reading.config;
    const float = (width: number) => this.#keep(this.#engine.tensor('float', [steps, 1, width]));
    const made: Piece = {
      tokens: this.#keep(this.#engine.tensor('int', [steps, 1])),
      embedded: embeddingSize === undefined ? undefined : float(embeddingSize),
      outputs: Array.from({ length: layers }, () => float(hiddenSize)),
      cells: carriesC(cell) ? Array.from({ length: layers }, () => float(hiddenSize)) : [],
    };
    this.#pieces.set(steps, made);
    return made;
  }

  #keep<T extends Parameters<Engine['release']>[0]>(handle: T): T {
    this.#handles.push(handle);
    return handle;
  }
}

/** The inputs of the matrix at an offset. */
function offsetWidth(layout: Layout, offset: number): number {
  const slice = parameterSlices(layout).find((one) => one.offset === offset);
  return slice?.shape[1] ?? 0;
}
