/**
 * The model on an engine: memory for one batch, and the passes forward and backward over it. The weights are an argument of each pass.
 *
 * Dimension letters: B batch rows, T time steps, D layer input (of the first: the embedding's size, or V), H hidden units, V vocabulary, L layers.
 */
import type { Batch } from '../data/batches.ts';
import type { Dropout, Engine, Tape, Tensor, Vector } from '../engine/engine.ts';
import { type Layout, recurrentModules } from '../engine/layout.ts';
import { layoutOf, type ModelConfig } from './config.ts';
import { makeStates } from './states.ts';

/** The state of every recurrent layer, each float [S, B, H]. */
export type NetworkState = readonly Tensor[];

/** What the masks of dropout depend on, besides the place in the network. */
export interface DropoutSeed {
  readonly seed: number;
  readonly iteration: number;
}

/** Memory for the pass backward. */
interface BackwardBuffers {
  readonly tapes: readonly Tape[];
  /** Gradients in the outputs of two neighbouring layers, float [T, B, H], used in turn. */
  readonly outputGradients: readonly [Tensor, Tensor];
  /** Gradient in the embedded tokens, float [T, B, D]; absent without an embedding. */
  readonly embeddedGradient: Tensor | undefined;
  /** The decoder's input after dropout, float [T, B, H]; absent without dropout. */
  readonly dropped: Tensor | undefined;
}

export class Network {
  readonly layout: Layout;
  /** float [1 + T·B]: the sum of the losses of all positions of the last batch, then each of them, in nats. */
  readonly loss: Tensor;
  /** Positions in a batch, T·B. */
  readonly positions: number;
  readonly #engine: Engine;
  readonly #config: ModelConfig;
  readonly #batchSize: number;
  readonly #tokens: Tensor;
  readonly #targets: Tensor;
  readonly #resets: Tensor;
  /** The tokens' rows of the embedding, float [T, B, D]; absent without one. */
  readonly #embedded: Tensor | undefined;
  readonly #outputs: readonly Tensor[];
  readonly #logits: Tensor;
  readonly #buffers: BackwardBuffers | undefined;
  /** All that it has made for itself. */
  readonly #handles: (Tensor | Vector | Tape)[] = [];

  /** @param purpose `evaluation` leaves out what only a backward pass needs. */
  constructor(
    engine: Engine,
    config: ModelConfig,
    shape: { readonly batchSize: number; readonly sequenceLength: number },
    purpose: 'training' | 'evaluation' = 'training',
  ) {
    const { batchSize: B, sequenceLength: T } = shape;
    const { hiddenSize: H, vocabularySize: V, embeddingSize: D } = config;
    this.#engine = engine;
    this.#config = config;
    this.#batchSize = B;
    this.positions = T * B;
    this.layout = layoutOf(config);
    const tensor = (...[type, dimensions]: Parameters<Engine['tensor']>) =>
      this.#own(engine.tensor(type, dimensions));
    this.loss = tensor('float', [1 + T * B]);
    this.#tokens = tensor('int', [T, B]);
    this.#targets = tensor('int', [T, B]);
    this.#resets = tensor('byte', [T, B]);
    const embedded = () => (D === undefined ? undefined : tensor('float', [T, B, D]));
    const output = () => tensor('float', [T, B, H]);
    this.#embedded = embedded();
    this.#outputs = recurrentModules(this.layout).map(output);
    this.#logits = tensor('float', [T, B, V]);
    if (purpose === 'training') {
      this.#buffers = {
        tapes: this.#outputs.map((_, layer) =>
          this.#own(engine.tape(this.layout, this.#moduleOf(layer), T, B)),
        ),
        outputGradients: [output(), output()],
        embeddedGradient: embedded(),
        dropped: config.dropout > 0 ? output() : undefined,
      };
    }
  }

  /** A state of zeros for the rows of a batch. */
  makeState(): NetworkState {
    return makeStates(this.#engine, this.layout, this.#batchSize);
  }

  /** Gives its memory back; the states that it made are their owner's. */
  release(): void {
    for (const handle of this.#handles) this.#engine.release(handle);
  }

  /** The losses of a batch, left in `loss`. `state` becomes the state after the batch. */
  evaluate(weights: Vector, batch: Batch, state: NetworkState): void {
    const resets = this.#writeBatch(batch);
    this.#forward(weights, state, resets, undefined, undefined);
    this.#engine.crossEntropy({ logits: this.#logits, targets: this.#targets, loss: this.loss });
  }

  /**
   * The losses of a batch, left in `loss`, and their gradient.
   *
   * As in the original the gradient is that of the sum over time of the mean over rows, so it is not divided by T; it
   * stops at the start of the batch. `state` becomes the state after the batch.
   */
  lossAndGradient(
    weights: Vector,
    gradient: Vector,
    batch: Batch,
    state: NetworkState,
    dropoutSeed: DropoutSeed,
  ): void {
    const resets = this.#writeBatch(batch);
    this.#forward(weights, state, resets, dropoutSeed, this.#backwardBuffers.tapes);
    this.#engine.crossEntropy({
      logits: this.#logits,
      targets: this.#targets,
      loss: this.loss,
      gradient: this.#logits,
      gradientScale: 1 / this.#batchSize,
    });
    this.#backward(weights, gradient, resets, dropoutSeed);
  }

  #own<T extends Tensor | Vector | Tape>(handle: T): T {
    this.#handles.push(handle);
    return handle;
  }

  get #backwardBuffers(): BackwardBuffers {
    if (!this.#buffers) throw new TypeError('this network was made for evaluation');
    return this.#buffers;
  }

  /** Index in the layout of a recurrent layer, or, one after the last, of the decoder; before them stands the embedding. */
  #moduleOf(layer: number): number {
    return this.#embedded ? layer + 1 : layer;
  }

  /** What the first layer reads. */
  get #firstInput(): Tensor {
    return this.#embedded ?? this.#tokens;
  }

  /** The batch on the engine; its resets, where it has some. */
  #writeBatch({ inputs, targets, resets }: Batch): Tensor | undefined {
    this.#engine.write(this.#tokens, inputs);
    this.#engine.write(this.#targets, targets);
    if (!resets) return undefined;
    this.#engine.write(this.#resets, resets);
    return this.#resets;
  }

  #forward(
    weights: Vector,
    state: NetworkState,
    resets: Tensor | undefined,
    dropoutSeed: DropoutSeed | undefined,
    tapes: readonly Tape[] | undefined,
  ): void {
    if (this.#embedded) {
      this.#engine.embeddingForward({ weights, module: 0, tokens: this.#tokens, output: this.#embedded });
    }
    let input = this.#firstInput;
    this.#outputs.forEach((output, layer) => {
      const layerState = state[layer] as Tensor;
      this.#engine.recurrentForward({
        weights,
        module: this.#moduleOf(layer),
        input,
        resets,
        initial: layerState,
        final: layerState,
        output,
        tape: tapes?.[layer],
        dropout: this.#dropout(dropoutSeed, layer),
      });
      input = output;
    });
    const decoder = this.#outputs.length;
    const dropout = this.#dropout(dropoutSeed, decoder);
    const dropped = this.#buffers?.dropped;
    if (dropout && dropped) {
      this.#engine.dropout({ ...dropout, input, output: dropped });
      input = dropped;
    }
    this.#engine.linearForward({ weights, module: this.#moduleOf(decoder), input, output: this.#logits });
  }

  #backward(weights: Vector, gradient: Vector, resets: Tensor | undefined, dropoutSeed: DropoutSeed): void {
    const { tapes, outputGradients, embeddedGradient, dropped } = this.#backwardBuffers;
    const decoder = this.#outputs.length;
    const top = this.#outputs[decoder - 1] as Tensor;
    let [incoming, outgoing] = outputGradients;
    const dropout = this.#dropout(dropoutSeed, decoder);
    this.#engine.linearBackward({
      weights,
      gradient,
      module: this.#moduleOf(decoder),
      input: dropped ?? top,
      outputGradient: this.#logits,
      inputGradient: incoming,
    });
    if (dropout) this.#engine.dropout({ ...dropout, input: incoming, output: incoming });

    for (let layer = decoder - 1; layer >= 0; layer--) {
      this.#engine.recurrentBackward({
        weights,
        gradient,
        module: this.#moduleOf(layer),
        input: layer === 0 ? this.#firstInput : (this.#outputs[layer - 1] as Tensor),
        resets,
        output: this.#outputs[layer] as Tensor,
        outputGradient: incoming,
        tape: tapes[layer] as Tape,
        inputGradient: layer === 0 ? embeddedGradient : outgoing,
        dropout: this.#dropout(dropoutSeed, layer),
      });
      [incoming, outgoing] = [outgoing, incoming];
    }
    if (embeddedGradient) {
      const tokens = this.#tokens;
      this.#engine.embeddingBackward({ gradient, module: 0, tokens, outputGradient: embeddedGradient });
    }
  }

  /** Dropout at the input of a layer (or, after the last, of the decoder): on all but the first, while training. */
  #dropout(dropoutSeed: DropoutSeed | undefined, layer: number): Dropout | undefined {
    if (!dropoutSeed || layer === 0 || this.#config.dropout === 0) return undefined;
    return { probability: this.#config.dropout, stream: layer, ...dropoutSeed };
  }
}
