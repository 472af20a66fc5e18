/**
 * The effect of each earlier symbol on the loss of one symbol. `options.ts` defines the methods.
 *
 * Dimension letters: B batch rows, T time steps, D layer input, H hidden units, V vocabulary. T is the number of earlier symbols.
 */
import { stateParts } from '../engine/cells.ts';
import type { Engine, FloatArray, Tensor } from '../engine/engine.ts';
import { type Layout, recurrentModules } from '../engine/layout.ts';
import { layoutOf, type ModelConfig } from '../model/config.ts';
import { Network, type NetworkState } from '../model/network.ts';
import type { SaliencyMethod } from './options.ts';

export interface Saliency {
  /** The position of the first symbol of `values`. */
  readonly from: number;
  /**
   * One for each symbol from `from` to the position. For `context`, the last is the loss of a model that has read one symbol, the first that of one that
   * has read them all.
   */
  readonly values: Float32Array;
}

export interface SaliencyQuery {
  readonly engine: Engine;
  readonly config: ModelConfig;
  /** In canonical order. */
  readonly parameters: FloatArray;
  readonly tokens: Int32Array;
  /** The position of the symbol whose loss is explained, at least 1. */
  readonly position: number;
  readonly back: number;
  /** The token that replaces an occluded one. */
  readonly replacement: (token: number) => number;
  readonly signal?: AbortSignal | undefined;
}

/** The model first reads at most this many symbols before those whose effect is measured. */
const LEAD_IN = 1000;
const LEAD_IN_STEPS = 256;
/** Numbers in the largest tensor of a call, the logits [T, B, V]: longer stretches are read in pieces of time, with the same results. */
const MAX_LOGITS = 2 ** 23;

const MEASURES: Readonly<Record<SaliencyMethod, (query: SaliencyQuery) => Promise<Saliency>>> = {
  occlusion,
  gradient,
  context,
};

/** @throws the signal's reason if it is aborted */
export function saliency(query: SaliencyQuery, method: SaliencyMethod): Promise<Saliency> {
  query.signal?.throwIfAborted();
  return MEASURES[method](query);
}

/** Row 0 reads the text unchanged; row b reads it without its symbol b − 1. All rows begin with the state after the preceding text. */
async function occlusion(query: SaliencyQuery): Promise<Saliency> {
  const { tokens, position, replacement } = query;
  const { from, steps } = window(query);
  const losses = await lastLosses(query, {
    rows: steps + 1,
    inputOf: (step, row) => {
      const token = tokens[from + step] as number;
      return row === step + 1 ? replacement(token) : token;
    },
    from,
  });
  const whole = losses[0] as number;
  return {
    from,
    values: Float32Array.from({ length: position - from }, (_, i) => (losses[i + 1] as number) - whole),
  };
}

/** Row b begins with the zero state before its symbol b. */
async function context(query: SaliencyQuery): Promise<Saliency> {
  const { tokens } = query;
  const { from, steps } = window(query);
  const losses = await lastLosses(query, {
    rows: steps,
    inputOf: (step) => tokens[from + step] as number,
    resetAt: (step, row) => step === row,
    from,
  });
  return { from, values: Float32Array.from(losses) };
}

function window({ position, back }: SaliencyQuery) {
  const from = Math.max(0, position - back);
  return { from, steps: position - from };
}

interface Rows {
  readonly rows: number;
  inputOf(step: number, row: number): number;
  /** Whether the state is set to zero before the step. */
  readonly resetAt?: (step: number, row: number) => boolean;
  /** Position of the first input. */
  readonly from: number;
}

/** The loss of the token at the position, for each row. */
async function lastLosses(
  query: SaliencyQuery,
  { rows: B, inputOf, resetAt, from }: Rows,
): Promise<FloatArray> {
  const { engine, config, parameters, tokens, position } = query;
  const all = position - from;
  const T = Math.max(1, Math.min(all, Math.floor(MAX_LOGITS / (B * config.vocabularySize))));
  const network = new Network(engine, config, { batchSize: B, sequenceLength: T }, 'evaluation');
  const weights = engine.vector(network.layout);
  const state = network.makeState();
  try {
    engine.write(weights, parameters);
    await readBefore(query, weights, from, state);
    let steps = T;
    for (let begin = 0; begin < all; begin += steps) {
      query.signal?.throwIfAborted();
      steps = Math.min(T, all - begin);
      const each = (of: (step: number, row: number) => number) =>
        Int32Array.from({ length: steps * B }, (_, at) => of(begin + Math.floor(at / B), at % B));
      const batch = {
        inputs: each(inputOf),
        targets: each((step) => tokens[from + step + 1] as number),
        ...(resetAt && { resets: Uint8Array.from(each((step, row) => (resetAt(step, row) ? 1 : 0))) }),
      };
      network.evaluate(weights, batch, state);
    }
    // `loss` is [1 + T·B]: these are the rows of the last step.
    return (await engine.read(network.loss, { offset: 1 + (steps - 1) * B, count: B })) as FloatArray;
  } finally {
    for (const handle of [weights, ...state]) engine.release(handle);
    network.release();
  }
}

/** Sets all rows of a state to that after the text before a position. */
async function readBefore(
  { engine, config, tokens, signal }: SaliencyQuery,
  weights: ReturnType<Engine['vector']>,
  end: number,
  into: NetworkState,
): Promise<void> {
  const start = Math.max(0, end - LEAD_IN);
  if (start === end) return;
  const network = new Network(engine, config, { batchSize: 1, sequenceLength: LEAD_IN_STEPS }, 'evaluation');
  const state = network.makeState();
  try {
    for (let from = start; from < end; from += LEAD_IN_STEPS) {
      signal?.throwIfAborted();
      const to = Math.min(end, from + LEAD_IN_STEPS);
      const batch = { inputs: tokens.slice(from, to), targets: tokens.slice(from + 1, to + 1) };
      network.evaluate(weights, batch, state);
    }
    for (const [layer, own] of state.entries()) {
      const target = into[layer] as Tensor;
      const rows = target.shape[1] as number;
      engine.copySlots(
        own,
        new Int32Array(rows),
        target,
        Int32Array.from({ length: rows }, (_, row) => row),
      );
    }
    // The memory must not be released while it is used.
    await engine.read(into[0] as Tensor, { offset: 0, count: 1 });
  } finally {
    for (const layer of state) engine.release(layer);
    network.release();
  }
}

/** ‖∂loss/∂x‖₂ for the dense input x of each step: the first layer takes one-hot vectors instead of tokens. */
async function gradient(query: SaliencyQuery): Promise<Saliency> {
  const { engine, config, parameters, tokens, position } = query;
  const { from, steps: T } = window(query);
  const layout = denseLayout(config);
  const modules = recurrentModules(layout);
  const first = layout.findIndex(({ kind }) => kind === 'recurrent');
  const { hiddenSize: H, vocabularySize: V } = config;
  const handles: Parameters<Engine['release']>[0][] = [];
  const keep = <K extends (typeof handles)[number]>(handle: K): K => {
    handles.push(handle);
    return handle;
  };
  const float = (...shape: readonly number[]) => keep(engine.tensor('float', shape));
  try {
    const [weights, scrap] = [keep(engine.vector(layout)), keep(engine.vector(layout))];
    engine.write(weights, parameters);
    const own = keep(engine.vector(layoutOf(config)));
    engine.write(own, parameters);
    const state = modules.map(() => float(stateParts(config.cell), 1, H));
    await readBefore(query, own, from, state);
    const D = (modules[0] as (typeof modules)[number]).inputSize;
    const input = float(T, 1, D);
    const ids = tokens.subarray(from, position);
    if (first > 0) {
      const read = keep(engine.tensor('int', [T, 1]));
      engine.write(read, ids);
      engine.embeddingForward({ weights, module: 0, tokens: read, output: input });
    } else {
      const oneHot = new Float32Array(T * D);
      ids.forEach((token, step) => {
        oneHot[step * D + token] = 1;
      });
      engine.write(input, oneHot);
    }
    const layers = modules.map((_, index) => ({
      module: first + index,
      output: float(T, 1, H),
      tape: keep(engine.tape(layout, first + index, T, 1)),
    }));
    const inputs = [input, ...layers.map(({ output }) => output)];
    for (const [index, layer] of layers.entries()) {
      const carried = state[index] as Tensor;
      engine.recurrentForward({
        ...{ ...layer, weights, input: inputs[index] as Tensor, initial: carried, final: carried },
      });
    }
    const module = layout.length - 1;
    const decoded = { weights, module, input: inputs.at(-1) as Tensor };
    const logits = float(T, 1, V);
    engine.linearForward({ ...decoded, output: logits });
    const targets = keep(engine.tensor('int', [T, 1]));
    engine.write(targets, tokens.subarray(from + 1, position + 1));
    const positionWeights = float(T, 1);
    engine.write(positionWeights, [1], T - 1);
    engine.crossEntropy({ logits, targets, positionWeights, loss: float(1), gradient: logits });
    let incoming = float(T, 1, H);
    engine.linearBackward({ ...decoded, gradient: scrap, outputGradient: logits, inputGradient: incoming });
    for (const [index, layer] of [...layers.entries()].reverse()) {
      const inputGradient = float(T, 1, index === 0 ? D : H);
      const passed = { weights, gradient: scrap, input: inputs[index] as Tensor, inputGradient };
      engine.recurrentBackward({ ...layer, ...passed, outputGradient: incoming });
      incoming = inputGradient;
    }
    const gradients = (await engine.read(incoming)) as FloatArray;
    const norm = (step: number) => {
      let sum = 0;
      for (let d = step * D; d < (step + 1) * D; d++) sum += (gradients[d] as number) ** 2;
      return Math.sqrt(sum);
    };
    return { from, values: Float32Array.from({ length: T }, (_, step) => norm(step)) };
  } finally {
    for (const handle of handles) engine.release(handle);
  }
}

/** The same parameters, with a first layer that takes dense input. */
function denseLayout(config: ModelConfig): Layout {
  return layoutOf(config).map((module) =>
    module.kind === 'recurrent' ? { ...module, input: 'dense' } : module,
  );
}
