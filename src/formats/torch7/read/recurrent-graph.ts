/**
 * Recognises the layers of char-rnn's network in its graph, from the decoder to the input.
 *
 * The role of a node follows from its inputs, as in docs/notation.md: the hidden state is a product in an lstm, a sum in a gru, and a tanh in
 * an rnn. Any other network is rejected, with the name of the unexpected part.
 */
import type { Cell } from '../../../engine/cells.ts';
import { MAX_LAYERS } from '../../../model/config.ts';
import { Torch7Fault, unsupported } from '../errors.ts';
import type { Table } from '../values.ts';
import { gruLayer, type Layer, lstmLayer, rnnLayer } from './gates-by-equation.ts';
import type { GateMaps, LinearMap, ModelMaps } from './model-maps.ts';
import {
  type BeforeDropout,
  beforeDropout,
  type Computed,
  computedAt,
  linearMap,
  nodeAt,
} from './module-graph.ts';

/** The reader for each cell, by the module that computes the hidden state. */
const CELLS = new Map<string, { readonly cell: Cell; readonly read: (hidden: Computed) => Layer }>([
  ['nn.CMulTable', { cell: 'lstm', read: lstmLayer }],
  ['nn.CAddTable', { cell: 'gru', read: gruLayer }],
  ['nn.Tanh', { cell: 'rnn', read: rnnLayer }],
]);

export interface RecurrentGraph {
  readonly maps: ModelMaps;
  /** Whether dropout also acted on the carried state, as in the program's first weeks. */
  readonly dropsState: boolean;
}

/**
 * @param outputs The new states of all layers (c1, h1, c2, … for an lstm), then the log-probabilities.
 * @param separateDecoder The decoder, if it is not part of the graph.
 */
export function readRecurrentGraph(outputs: readonly Table[], separateDecoder?: LinearMap): RecurrentGraph {
  const last = outputs.at(-1);
  if (!last) throw unsupported('its network has no outputs');
  const { linear, top } = separateDecoder
    ? { linear: separateDecoder, top: beforeDropout(last) }
    : decoderAt(last);
  const layers: (readonly GateMaps[])[] = [];
  const passed = new Set<Table>();
  let cell: Cell | undefined;
  let { dropout } = top;
  let dropsState = false;
  let below = top;
  while (isHidden(below)) {
    const hidden = below.node;
    if (passed.has(hidden.data))
      throw new Torch7Fault('torch7-cycle', 'a layer of its network is its own input');
    passed.add(hidden.data);
    if (layers.length === MAX_LAYERS) throw unsupported(`its network has more than ${MAX_LAYERS} layers`);
    const kind = CELLS.get(hidden.kind);
    if (!kind || (cell && kind.cell !== cell))
      throw unsupported(
        `a layer of its network is computed by ${hidden.kind}, unlike any ${cell ?? 'known'} layer`,
      );
    cell = kind.cell;
    const layer = kind.read(hidden);
    const carried = carriedState(layer, hidden, outputs);
    dropsState ||= carried.dropout > 0;
    dropout = Math.max(dropout, layer.below.dropout, carried.dropout);
    layers.unshift(
      layer.gates.map(({ input, state }) => ({
        input: scaled(input, layer.below.scale),
        state: scaled(state, carried.scale),
      })),
    );
    below = layer.below;
  }
  if (!cell) throw unsupported('its network has no recurrent layer');
  const first = below.node.type === 'computed' ? nodeAt(below.node.inputs[0] ?? below.node.data) : below.node;
  if (first.type !== 'input' || first.index !== 1)
    throw unsupported('its first layer does not read the text');
  const decoder = scaled(linear, top.scale);
  return { maps: { cell, layers, decoder, dropout }, dropsState };
}

function isHidden(below: BeforeDropout): below is BeforeDropout & { readonly node: Computed } {
  return below.node.type === 'computed' && below.node.kind !== 'OneHot';
}

function decoderAt(output: Table): { linear: LinearMap; top: BeforeDropout } {
  const [sums] = computedAt(output, 'nn.LogSoftMax', 'the last output').inputs;
  if (!sums) throw unsupported('its log-probabilities have no input');
  const { fields, inputs } = computedAt(sums, 'nn.Linear', 'the input of the log-probabilities');
  const [hidden] = inputs;
  if (!hidden) throw unsupported('its decoder has no input');
  return { linear: linearMap(fields, 'the decoder'), top: beforeDropout(hidden) };
}

/**
 * Follows a layer's state to the next step: output k of the graph becomes input k + 1.
 *
 * @throws {Torch7Fault} if the layer receives the state of another layer
 */
function carriedState({ states }: Layer, hidden: Computed, outputs: readonly Table[]): BeforeDropout {
  let carried: BeforeDropout | undefined;
  for (const { node, input } of states) {
    const output = outputs[input - 2];
    const back = output && beforeDropout(output);
    if (back?.node.type !== 'computed' || back.node.data !== node.data)
      throw unsupported(`input ${input} of its network is not the state of the layer that reads it`);
    if (node.data === hidden.data) carried = back;
    else if (back.scale !== 1) throw unsupported('dropout acts on the cells of its network');
  }
  if (!carried) throw unsupported('a layer of its network does not read its own state');
  return carried;
}

/** A map whose input is multiplied by a factor. */
function scaled(map: LinearMap, scale: number): LinearMap {
  return scale === 1 ? map : { ...map, change: { scale } };
}
