/**
 * The model on an engine: its parameters, room for one batch, and the passes forward and backward over it.
 *
 * Dimension letters: B batch rows, T time steps, D layer input (of the first: the embedding's size, or V), H hidden units, V vocabulary, L layers.
 */
import type { Batch } from '../data/batches.ts';
import type { Dropout, Engine, FloatArray, NumberArray, Tape, Tensor, Vector } from '../engine/engine.ts';
import { type Layout, recurrentModules, stateParts } from '../engine/layout.ts';
import { layoutOf, type ModelConfig } from './config.ts';

/** The state of every recurrent layer, each float [S, B, H]. */
export type NetworkState = readonly Tensor[];

/** What the masks of dropout depend on, beside the place in the network. */
export interface DropoutMoment {
  readonly seed: number;
  readonly iteration: number;
}

/** What only training needs. */
interface TrainingRoom {
  readonly gradient: Vector;
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
  readonly weights: Vector;
  /** float [1]: the sum of the losses of all positions of the last batch, in nats. */
  readonly totalLoss: Tensor;
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
  readonly #training: TrainingRoom | undefined;
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
    this.weights = this.#own(engine.vector(this.layout));
    this.totalLoss = tensor('float', [1]);
    this.#tokens = tensor('int', [T, B]);
    this.#targets = tensor('int', [T, B]);
    this.#resets = tensor('byte', [T, B]);
    const embedded = () => (D === undefined ? undefined : tensor('float', [T, B, D]));
    const output = () => tensor('float', [T, B, H]);
    this.#embedded = embedded();
    this.#outputs = recurrentModules(this.layout).map(output);
    this.#logits = tensor('float', [T, B, V]);
    if (purpose === 'training') {
      this.#training = {
        gradient: this.#own(engine.vector(this.layout)),
        tapes: this.#outputs.map((_, layer) =>
          this.#own(engine.tape(this.layout, this.#moduleOf(layer), T, B)),
        ),
        outputGradients: [output(), output()],
        embeddedGradient: embedded(),
        dropped: config.dropout > 0 ? output() : undefined,
      };
    }
  }

  /** The gradient that `differentiate` leaves. */
  get gradient(): Vector {
    return this.#trainingRoom.gradient;
  }

  /** A state of zeros for the rows of a batch. */
  makeState(): NetworkState {
    return recurrentModules(this.layout).map((module) =>
      this.#engine.tensor('float', [stateParts(module.cell), this.#batchSize, module.hiddenSize]),
    );
  }

  /** Sets all parameters, given in canonical order. */
  writeParameters(parameters: NumberArray): void {
    this.#engine.write(this.weights, parameters);
  }

  /** Gives its memory back; the states that it made are their owner's. */
  release(): void {
    for (const handle of this.#handles) this.#engine.release(handle);
  }

  /** All parameters, in canonical order. */
  readParameters(): Promise<FloatArray> {
    return this.#engine.read(this.weights);
  }

  /**
   * The loss of a batch, left in `totalLoss`. `state` goes on to what it is after the batch.
   *
   * @param losses float [T, B]: receives the loss of every position, in nats.
   */
  evaluate(batch: Batch, state: NetworkState, losses?: Tensor): void {
    const resets = this.#writeBatch(batch);
    this.#forward(state, resets, undefined, undefined);
    this.#engine.crossEntropy({
      logits: this.#logits,
      targets: this.#targets,
      total: this.totalLoss,
      losses,
    });
  }

  /**
   * The loss of a batch, left in `totalLoss`, and its gradient, left in `gradient`.
   *
   * As in the original the gradient is that of the sum over time of the mean over rows, so it is not divided by T; it
   * stops at the start of the batch. `state` goes on to what it is after the batch.
   */
  differentiate(batch: Batch, state: NetworkState, moment: DropoutMoment, losses?: Tensor): void {
    const resets = this.#writeBatch(batch);
    this.#forward(state, resets, moment, this.#trainingRoom.tapes);
    this.#engine.crossEntropy({
      logits: this.#logits,
      targets: this.#targets,
      total: this.totalLoss,
      losses,
      gradient: this.#logits,
      gradientScale: 1 / this.#batchSize,
    });
    this.#backward(resets, moment);
  }

  #own<T extends Tensor | Vector | Tape>(handle: T): T {
    this.#handles.push(handle);
    return handle;
  }

  get #trainingRoom(): TrainingRoom {
    if (!this.#training) throw new TypeError('this network was made for evaluation');
    return this.#training;
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
    state: NetworkState,
    resets: Tensor | undefined,
    moment: DropoutMoment | undefined,
    tapes: readonly Tape[] | undefined,
  ): void {
    const { weights } = this;
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
        dropout: this.#dropout(moment, layer),
      });
      input = output;
    });
    const decoder = this.#outputs.length;
    const dropout = this.#dropout(moment, decoder);
    const dropped = this.#training?.dropped;
    if (dropout && dropped) {
      this.#engine.dropout({ ...dropout, input, output: dropped });
      input = dropped;
    }
    this.#engine.linearForward({ weights, module: this.#moduleOf(decoder), input, output: this.#logits });
  }

  #backward(resets: Tensor | undefined, moment: DropoutMoment): void {
    const { gradient, tapes, outputGradients, embeddedGradient, dropped } = this.#trainingRoom;
    const decoder = this.#outputs.length;
    const top = this.#outputs[decoder - 1] as Tensor;
    let [incoming, outgoing] = outputGradients;
    const dropout = this.#dropout(moment, decoder);
    this.#engine.linearBackward({
      weights: this.weights,
      gradient,
      module: this.#moduleOf(decoder),
      input: dropped ?? top,
      outputGradient: this.#logits,
      inputGradient: incoming,
    });
    if (dropout) this.#engine.dropout({ ...dropout, input: incoming, output: incoming });

    for (let layer = decoder - 1; layer >= 0; layer--) {
      this.#engine.recurrentBackward({
        weights: this.weights,
        gradient,
        module: this.#moduleOf(layer),
        input: layer === 0 ? this.#firstInput : (this.#outputs[layer - 1] as Tensor),
        resets,
        output: this.#outputs[layer] as Tensor,
        outputGradient: incoming,
        tape: tapes[layer] as Tape,
        inputGradient: layer === 0 ? embeddedGradient : outgoing,
        dropout: this.#dropout(moment, layer),
      });
      [incoming, outgoing] = [outgoing, incoming];
    }
    if (embeddedGradient) {
      const tokens = this.#tokens;
      this.#engine.embeddingBackward({ gradient, module: 0, tokens, outputGradient: embeddedGradient });
    }
  }

  /** Dropout at the input of a layer (or, after the last, of the decoder): on all but the first, while training. */
  #dropout(moment: DropoutMoment | undefined, layer: number): Dropout | undefined {
    if (!moment || layer === 0 || this.#config.dropout === 0) return undefined;
    return { probability: this.#config.dropout, stream: layer, ...moment };
  }
}
