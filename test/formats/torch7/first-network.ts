/** The network of the original's first weeks: gates selected by nn.Narrow, maps without names, first-version dropout. */

import { Table, TorchObject } from '../../../src/formats/torch7/values.ts';
import {
  doubleStorage,
  nnModule,
  tableModule,
  tensorOn,
} from '../../../src/formats/torch7/write/nn-modules.ts';
import {
  type GraphNode,
  graphModule,
  graphNode,
  inputNode,
  splitNode,
} from '../../../src/formats/torch7/write/nngraph.ts';

export interface Weights {
  readonly weight: Float64Array;
  readonly bias: Float64Array;
}

export interface FirstNetwork {
  readonly vocabulary: readonly string[];
  readonly hiddenSize: number;
  /** For each layer, the maps of its input and its state, with gates i, f, o, g. */
  readonly layers: readonly { readonly input: Weights; readonly state: Weights }[];
  readonly decoder: Weights;
  readonly dropout: number;
}

/** The checkpoint, with separate `protos.embed`, `protos.rnn` and `protos.softmax`, and dropout on the hidden state itself. */
export function firstCheckpoint(network: FirstNetwork): Table {
  const { vocabulary, hiddenSize, layers, decoder, dropout } = network;
  const node = (className: string, inputs: GraphNode[], fields = {}) =>
    graphNode(inputs, { module: nnModule(className, fields), label: '' });
  const sum = (className: string, inputs: GraphNode[]) =>
    graphNode(inputs, { module: tableModule(className), label: '' });
  const narrow = (from: GraphNode, start: number, length: number) =>
    node('nn.Narrow', [from], { dimension: 2, index: start + 1, length });
  const input = inputNode();
  const count = 1 + 2 * layers.length;
  const given = splitNode(input, count, '', '').map((part) => node('nn.Identity', [part]));
  let x = given[0] as GraphNode;
  const outputs: GraphNode[] = [];
  for (const [layer, maps] of layers.entries()) {
    const [c, h] = given.slice(1 + 2 * layer) as [GraphNode, GraphNode];
    const sums = sum('nn.CAddTable', [
      node('nn.Linear', [x], linearFields(maps.input)),
      node('nn.Linear', [h], linearFields(maps.state)),
    ]);
    const sigmoids = node('nn.Sigmoid', [narrow(sums, 0, 3 * hiddenSize)]);
    const [i, f, o] = [0, 1, 2].map((gate) => narrow(sigmoids, gate * hiddenSize, hiddenSize));
    const g = node('nn.Tanh', [narrow(sums, 3 * hiddenSize, hiddenSize)]);
    const kept = sum('nn.CMulTable', [f as GraphNode, c]);
    const cell = sum('nn.CAddTable', [kept, sum('nn.CMulTable', [i as GraphNode, g])]);
    const hidden = sum('nn.CMulTable', [o as GraphNode, node('nn.Tanh', [cell])]);
    x = dropout > 0 ? node('nn.Dropout', [hidden], { p: dropout }) : hidden;
    outputs.push(cell, x);
  }
  const softmax = [nnModule('nn.Linear', linearFields(decoder)), nnModule('nn.LogSoftMax')];
  const vocab = new Table();
  vocabulary.forEach((symbol, index) => {
    vocab.add(symbol, index + 1);
  });
  return Table.of({
    vocab,
    opt: Table.of({ rnn_size: hiddenSize, model: 'lstm' }),
    protos: Table.of({
      embed: new TorchObject('OneHot', Table.of({ outputSize: vocabulary.length })),
      rnn: graphModule(input, count, outputs).object,
      softmax: nnModule('nn.Sequential', { modules: Table.list(softmax) }),
    }),
  });
}

function linearFields({ weight, bias }: Weights) {
  const outputs = bias.length;
  return {
    weight: tensorOn(doubleStorage(weight), [outputs, weight.length / outputs], 0),
    bias: tensorOn(doubleStorage(bias), [outputs], 0),
  };
}

/**
 * The log-probabilities after each token, as the first version of the program computed them at evaluation, step by step: its dropout
 * multiplies the output of a layer, which is also its state, by 1 − p.
 */
export function firstLogProbabilities(network: FirstNetwork, tokens: readonly number[]): number[][] {
  const { vocabulary, hiddenSize, layers, decoder, dropout } = network;
  const states = layers.map(() => ({ c: new Array(hiddenSize).fill(0), h: new Array(hiddenSize).fill(0) }));
  return tokens.map((token) => {
    let x: number[] = vocabulary.map((_, index) => (index === token ? 1 : 0));
    for (const [layer, maps] of layers.entries()) {
      const state = states[layer] as (typeof states)[number];
      const ofState = affine(maps.state, state.h);
      const sums = affine(maps.input, x).map((value, row) => value + (ofState[row] as number));
      const gate = (index: number, unit: number) => sums[index * hiddenSize + unit] as number;
      state.c = state.c.map(
        (c, unit) => sigmoid(gate(1, unit)) * c + sigmoid(gate(0, unit)) * Math.tanh(gate(3, unit)),
      );
      state.h = state.c.map((c, unit) => sigmoid(gate(2, unit)) * Math.tanh(c) * (1 - dropout));
      x = state.h;
    }
    return logSoftmax(affine(decoder, x));
  });
}

export function affine({ weight, bias }: Weights, x: readonly number[]): number[] {
  return Array.from(bias, (sum, row) =>
    x.reduce((total, value, column) => total + (weight[row * x.length + column] as number) * value, sum),
  );
}

export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

export function logSoftmax(logits: readonly number[]): number[] {
  const total = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
  return logits.map((logit) => logit - total);
}
