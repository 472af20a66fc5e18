/**
 * Builds the original's networks: the equations of docs/notation.md as nn modules, connected as in its model/LSTM.lua, GRU.lua and RNN.lua.
 * The numbers are lines of these files, which nngraph records in the graph.
 */
import { gateCount } from '../../../engine/cells.ts';
import type { ModelConfig } from '../../../model/config.ts';
import type { Regularization } from '../../../model/regularization.ts';
import { Table, type TorchObject } from '../values.ts';
import { doubleStorage, dropout, nnModule, oneHot, reshape, tableModule, tensorOn } from './nn-modules.ts';
import { type GraphNode, graphModule, graphNode, inputNode, splitNode } from './nngraph.ts';

/** Line numbers in the original: the inputs (x, then the states of a layer), the one-hot vector, dropout, the decoder. */
const LINES = {
  lstm: { inputs: [8, 10, 11], oneHot: 22, layerDropout: 26, topDropout: 56, decoder: 57, logSoftMax: 58 },
  gru: { inputs: [12, 14], oneHot: 30, layerDropout: 34, topDropout: 55, decoder: 56, logSoftMax: 57 },
  rnn: { inputs: [7, 9], oneHot: 19, layerDropout: 23, topDropout: 36, decoder: 37, logSoftMax: 38 },
} as const;

/** A model with a cell that the original has. */
export type OriginalConfig = ModelConfig & { readonly cell: keyof typeof LINES };

export function isOriginal(config: ModelConfig): config is OriginalConfig {
  return config.cell in LINES;
}

/**
 * Builds the network as an `nn.gModule`.
 *
 * @param parameters All parameters in the original's order. The network uses this array without copying it.
 */
export function networkModule(
  config: OriginalConfig,
  regularization: Regularization,
  parameters: Float64Array,
): TorchObject {
  return new NetworkBuilder(config).build(parameters, regularization);
}

interface LinearShape {
  readonly outputs: number;
  readonly inputs: number;
}

class NetworkBuilder {
  readonly #config: OriginalConfig;
  readonly #file: string;
  readonly #linears = new Map<TorchObject, LinearShape>();

  constructor(config: OriginalConfig) {
    this.#config = config;
    this.#file = `[./model/${config.cell.toUpperCase()}.lua]`;
  }

  build(parameters: Float64Array, { dropout: p }: Regularization): TorchObject {
    const { cell, layers, hiddenSize, vocabularySize } = this.#config;
    const lines = LINES[cell];
    const [xLine, ...stateLines] = lines.inputs;
    const input = inputNode();
    const inputLines = [xLine, ...Array.from({ length: layers }, () => stateLines).flat()];
    // The original records C code as the location here: it is called from line 96 of nngraph's gmodule.lua.
    const where = '[/home/torch/torch/install/share/lua/5.1/nngraph/gmodule.lua]:96';
    const [x, ...states] = splitNode(input, inputLines.length, '[[C]]:-1_', where).map((given, index) =>
      this.#node(nnModule('nn.Identity'), [given], inputLines[index] as number),
    );
    let below = this.#node(oneHot(vocabularySize), [x as GraphNode], lines.oneHot);
    let inputSize = vocabularySize;
    const outputs: GraphNode[] = [];
    for (let layer = 1; layer <= layers; layer++) {
      if (layer > 1 && p > 0) below = this.#node(dropout(p), [below], lines.layerDropout);
      const before = states.splice(0, stateLines.length);
      const after = this.#layer(below, inputSize, before, layer);
      outputs.push(...after);
      below = after.at(-1) as GraphNode;
      inputSize = hiddenSize;
    }
    if (p > 0) below = this.#node(dropout(p), [below], lines.topDropout);
    const name = cell === 'lstm' ? 'decoder' : undefined;
    const sums = this.#linear(vocabularySize, hiddenSize, below, lines.decoder, name);
    outputs.push(this.#node(nnModule('nn.LogSoftMax'), [sums], lines.logSoftMax));
    const { object, modules } = graphModule(input, inputLines.length, outputs);
    this.#addParameters(modules, parameters);
    return object;
  }

  /** The new states of a layer; h is the last. */
  #layer(x: GraphNode, inputSize: number, before: readonly GraphNode[], layer: number): GraphNode[] {
    const hidden = before.at(-1) as GraphNode;
    switch (this.#config.cell) {
      case 'lstm':
        return this.#lstm(x, inputSize, before[0] as GraphNode, hidden, layer);
      case 'gru':
        return [this.#gru(x, inputSize, hidden)];
      case 'rnn': {
        const sums = this.#sums(1, x, inputSize, hidden, [28, 29, 30]);
        return [this.#node(nnModule('nn.Tanh'), [sums], 30)];
      }
    }
  }

  #lstm(x: GraphNode, inputSize: number, c: GraphNode, h: GraphNode, layer: number): GraphNode[] {
    const size = this.#config.hiddenSize;
    const sums = this.#sums(gateCount('lstm'), x, inputSize, h, [30, 31, 32], layer);
    const reshaped = this.#node(reshape(4, size), [sums], 34);
    const parts = this.#node(nnModule('nn.SplitTable', { dimension: 2 }), [reshaped], 35);
    const gates = splitNode(parts, 4, this.#label(35), `${this.#file}:35`).map((part, gate) =>
      this.#node(nnModule(gate === 3 ? 'nn.Tanh' : 'nn.Sigmoid'), [part], [37, 38, 39, 41][gate] as number),
    );
    const [i, f, o, g] = gates as [GraphNode, GraphNode, GraphNode, GraphNode];
    const kept = this.#node(tableModule('nn.CMulTable'), [f, c], 44);
    const added = this.#node(tableModule('nn.CMulTable'), [i, g], 45);
    const cell = this.#node(tableModule('nn.CAddTable'), [kept, added], 43);
    const squashed = this.#node(nnModule('nn.Tanh'), [cell], 48);
    return [cell, this.#node(tableModule('nn.CMulTable'), [o, squashed], 48)];
  }

  #gru(x: GraphNode, inputSize: number, h: GraphNode): GraphNode {
    const size = this.#config.hiddenSize;
    const gate = (line: number) =>
      this.#node(nnModule('nn.Sigmoid'), [this.#sums(1, x, inputSize, h, [18, 19, line])], line);
    const z = gate(39);
    const r = gate(40);
    const resetState = this.#node(tableModule('nn.CMulTable'), [r, h], 42);
    const ofState = this.#linear(size, size, resetState, 43);
    const ofInput = this.#linear(size, inputSize, x, 44);
    const candidateSums = this.#node(tableModule('nn.CAddTable'), [ofInput, ofState], 45);
    const n = this.#node(nnModule('nn.Tanh'), [candidateSums], 45);
    const added = this.#node(tableModule('nn.CMulTable'), [z, n], 47);
    const constant = (value: number) => ({ constant_scalar: value, inplace: false });
    const minus = this.#node(nnModule('nn.MulConstant', constant(-1)), [z], 48);
    const rest = this.#node(nnModule('nn.AddConstant', constant(1)), [minus], 48);
    const kept = this.#node(tableModule('nn.CMulTable'), [rest, h], 48);
    return this.#node(tableModule('nn.CAddTable'), [added, kept], 49);
  }

  /** W x + U h' for some gates. The lines are those of the two maps and their sum. */
  #sums(
    gates: number,
    x: GraphNode,
    inputSize: number,
    h: GraphNode,
    [inputLine, stateLine, sumLine]: readonly [number, number, number],
    layer?: number,
  ): GraphNode {
    const size = this.#config.hiddenSize;
    const name = (map: string) => (layer === undefined ? undefined : `${map}_${layer}`);
    const ofInput = this.#linear(gates * size, inputSize, x, inputLine, name('i2h'));
    const ofState = this.#linear(gates * size, size, h, stateLine, name('h2h'));
    return this.#node(tableModule('nn.CAddTable'), [ofInput, ofState], sumLine);
  }

  #linear(outputs: number, inputs: number, input: GraphNode, line: number, name?: string): GraphNode {
    const module = nnModule('nn.Linear');
    this.#linears.set(module, { outputs, inputs });
    return this.#node(module, [input], line, name);
  }

  #node(module: TorchObject, inputs: readonly GraphNode[], line: number, name?: string): GraphNode {
    return graphNode(inputs, { module, label: this.#label(line), name });
  }

  #label(line: number): string {
    return `${this.#file}:${line}_`;
  }

  /** Makes all weights and biases views of one storage, in the order of the modules, and all gradients views of another. */
  #addParameters(modules: readonly TorchObject[], parameters: Float64Array): void {
    const values = doubleStorage(parameters);
    const gradients = doubleStorage(new Float64Array(parameters.length));
    let at = 0;
    for (const module of modules) {
      const shape = this.#linears.get(module);
      if (!shape || !(module.payload instanceof Table)) continue;
      const { outputs, inputs } = shape;
      const biasAt = at + outputs * inputs;
      module.payload.add('weight', tensorOn(values, [outputs, inputs], at));
      module.payload.add('bias', tensorOn(values, [outputs], biasAt));
      module.payload.add('gradWeight', tensorOn(gradients, [outputs, inputs], at));
      module.payload.add('gradBias', tensorOn(gradients, [outputs], biasAt));
      at = biasAt + outputs;
    }
  }
}
