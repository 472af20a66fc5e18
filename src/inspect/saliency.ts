/**
 * The effect of each earlier symbol on the loss of one symbol. `options.ts` defines the methods.
 *
 * Dimension letters: T time steps, D layer input, H hidden units, V vocabulary. T is the number of earlier symbols.
 */
import type { Engine, FloatArray, Tensor } from '../engine/engine.ts';
import { type Layout, recurrentModules } from '../engine/layout.ts';
import { layoutOf, type ModelConfig } from '../model/config.ts';
import type { SaliencyMethod } from './options.ts';
import { TokenReader } from './token-reader.ts';

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
/** Symbols before which the same state is copied. Fewer take more calls, more take more steps. */
const GROUP = 16;

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

/** Sequence n reads the text with another symbol in place of its symbol n. */
async function occlusion(query: SaliencyQuery): Promise<Saliency> {
  const { tokens, position, replacement } = query;
  const { from, steps } = window(query);
  const reader = new TokenReader(query);
  try {
    const text = reader.make([0]);
    // What precedes the other symbol has been read once, up to the beginning of its group.
    const changed = reader.make(Array.from({ length: steps }, (_, n) => n - (n % GROUP)));
    await reader.read(text, tokens.subarray(leadIn(from), from));
    await reader.read(text, tokens.subarray(from, position), changed);
    await reader.readAll(changed, steps, (step, n) => {
      const token = tokens[from + step] as number;
      return step === n ? replacement(token) : token;
    });
    const target = tokens[position] as number;
    const [whole] = await reader.losses(text, target);
    const losses = await reader.losses(changed, target);
    return { from, values: Float32Array.from(losses, (loss) => loss - (whole as number)) };
  } finally {
    reader.release();
  }
}

/** Sequence n begins at symbol n with the zero state. */
async function context(query: SaliencyQuery): Promise<Saliency> {
  const { tokens, position } = query;
  const { from, steps } = window(query);
  const reader = new TokenReader(query);
  try {
    const sequences = reader.make([...Array(steps).keys()]);
    await reader.readAll(sequences, steps, (step) => tokens[from + step] as number);
    return { from, values: Float32Array.from(await reader.losses(sequences, tokens[position] as number)) };
  } finally {
    reader.release();
  }
}

function window({ position, back }: SaliencyQuery) {
  const from = Math.max(0, position - back);
  return { from, steps: position - from };
}

/** Where the model begins to read if the effect of the symbols from a position on is measured. */
function leadIn(from: number): number {
  return Math.max(0, from - LEAD_IN);
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
  const reader = new TokenReader(query);
  try {
    const [weights, scrap] = [keep(engine.vector(layout)), keep(engine.vector(layout))];
    engine.write(weights, parameters);
    const text = reader.make([0]);
    await reader.read(text, tokens.subarray(leadIn(from), from));
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
      const carried = text.states[index] as Tensor;
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
    reader.release();
  }
}

/** The same parameters, with a first layer that takes dense input. */
function denseLayout(config: ModelConfig): Layout {
  return layoutOf(config).map((module) =>
    module.kind === 'recurrent' ? { ...module, input: 'dense' } : module,
  );
}
