/**
 * The model on an engine: memory for one batch, and the forward and backward passes over it. Each pass takes the weights as an argument.
 *
 * Dimension letters: B batch rows, T time steps, D layer input (for the first layer: the embedding's size, or V), H hidden units, V vocabulary,
 * L layers.
 */
import type { Batch } from '../data/batches/batches.ts';
import type { Dropout, Engine, Tape, Tensor, Vector } from '../engine/engine.ts';
import type { Layout } from '../engine/layout.ts';
import { layoutOf, type ModelConfig } from './config.ts';
import { dropsWeights, type RegularizedPass } from './regularization.ts';
import { makeStates } from './states.ts';

/** The sites of dropout on the input's tokens and on the recurrent weights of layer 0; those of other layers follow. See `Dropout`. */
const TOKEN_SITE = 1000;
const WEIGHT_SITE = 2000;

/** The state of each recurrent layer, float [S, B, H]. */
export type NetworkState = readonly Tensor[];

/** A recurrent layer or the decoder, with its input. */
interface LayerInput {
  /** Index of the layer in the layout. */
  readonly module: number;
  /** float [T, B, D]; int [T, B] if the first layer reads tokens. */
  readonly input: Tensor;
  /** The number by which this layer's dropout masks differ from those of other layers; undefined if its input has no dropout. */
  readonly dropoutSite: number | undefined;
}

interface RecurrentLayer extends LayerInput {
  /** float [T, B, H]. */
  readonly output: Tensor;
}

/** One pass over a batch. */
interface Pass {
  readonly weights: Vector;
  readonly resets: Tensor | undefined;
  /** Undefined in an evaluation. */
  readonly regularization: RegularizedPass | undefined;
}

/** Memory for the backward pass. */
interface BackwardBuffers {
  /** One for each recurrent layer. */
  readonly tapes: readonly Tape[];
  /**
   * Gradients of the outputs of two neighbouring layers, float [T, B, H], used in turn. Until the gradient of the decoder's weights is
   * computed, the second one holds the decoder's input after dropout.
   */
  readonly outputGradients: readonly [Tensor, Tensor];
  /** Gradient of the embedded tokens, float [T, B, D]; undefined without an embedding. */
  readonly embeddedGradient: Tensor | undefined;
}

export class Network {
  readonly layout: Layout;
  /** float [1 + T·B]: the sum of the losses of the last batch, then the loss of each position, in nats. */
  readonly loss: Tensor;
  /** Positions in a batch, T·B. */
  readonly positions: number;
  readonly #engine: Engine;
  readonly #batchSize: number;
  readonly #tokens: Tensor;
  readonly #targets: Tensor;
  readonly #resets: Tensor;
  /** The embedded tokens, float [T, B, D]; undefined without an embedding. */
  readonly #embedded: Tensor | undefined;
  /** From the input to the output. */
  readonly #layers: readonly RecurrentLayer[];
  readonly #decoder: LayerInput;
  readonly #logits: Tensor;
  readonly #buffers: BackwardBuffers | undefined;
  /** A copy of the weights in which some are dropped. Made when it is first needed. */
  #dropped: Vector | undefined;
  /** Everything that `release` must release. */
  readonly #handles: (Tensor | Vector | Tape)[] = [];

  /** @param purpose `evaluation` allocates no memory for a backward pass. */
  constructor(
    engine: Engine,
    config: ModelConfig,
    shape: { readonly batchSize: number; readonly sequenceLength: number },
    purpose: 'training' | 'evaluation' = 'training',
  ) {
    const { batchSize: B, sequenceLength: T } = shape;
    const { hiddenSize: H, vocabularySize: V, embeddingSize: D } = config;
    this.#engine = engine;
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
    const layers: RecurrentLayer[] = [];
    let input = this.#embedded ?? this.#tokens;
    for (const [module, { kind }] of this.layout.entries()) {
      if (kind !== 'recurrent') continue;
      layers.push({ module, input, dropoutSite: layers.length || undefined, output: output() });
      input = (layers.at(-1) as RecurrentLayer).output;
    }
    this.#layers = layers;
    this.#decoder = { module: this.layout.length - 1, input, dropoutSite: layers.length };
    this.#logits = tensor('float', [T, B, V]);
    if (purpose === 'training') {
      this.#buffers = {
        tapes: layers.map(({ module }) => this.#own(engine.tape(this.layout, module, T, B))),
        outputGradients: [output(), output()],
        embeddedGradient: embedded(),
      };
    }
  }

  /** A state of zeros for the rows of a batch. */
  makeState(): NetworkState {
    return makeStates(this.#engine, this.layout, this.#batchSize);
  }

  /** Releases its memory, except the states that `makeState` has returned: these belong to the caller. */
  release(): void {
    for (const handle of this.#handles) this.#engine.release(handle);
  }

  /** Computes the losses of a batch into `loss`. `state` becomes the state after the batch. */
  evaluate(weights: Vector, batch: Batch, state: NetworkState): void {
    const resets = this.#writeBatch(batch);
    this.#forward({ weights, resets, regularization: undefined }, state, undefined);
    this.#engine.crossEntropy({ logits: this.#logits, targets: this.#targets, loss: this.loss });
  }

  /**
   * Computes the losses of a batch into `loss`, and their gradient.
   *
   * As in the original, the gradient is that of the sum over time of the mean over rows, so it is not divided by T. It is truncated at
   * the start of the batch. `state` becomes the state after the batch.
   *
   * @param regularization Default: none.
   */
  lossAndGradient(
    weights: Vector,
    gradient: Vector,
    batch: Batch,
    state: NetworkState,
    regularization?: RegularizedPass,
  ): void {
    const buffers = this.#buffers;
    if (!buffers) throw new TypeError('this network was made for evaluation');
    const drops = regularization && dropsWeights(regularization) ? regularization : undefined;
    const pass = {
      weights: drops ? this.#droppedCopy(weights, drops) : weights,
      resets: this.#writeBatch(batch),
      regularization,
    };
    this.#forward(pass, state, buffers);
    this.#engine.crossEntropy({
      logits: this.#logits,
      targets: this.#targets,
      loss: this.loss,
      gradient: this.#logits,
      gradientScale: 1 / this.#batchSize,
    });
    this.#backward(pass, gradient, buffers);
    if (drops) this.#dropWeights(gradient, drops);
  }

  /** Returns a copy of the weights in which some are dropped. */
  #droppedCopy(weights: Vector, regularization: RegularizedPass): Vector {
    this.#dropped ??= this.#own(this.#engine.vector(this.layout));
    this.#engine.copy(weights, this.#dropped);
    this.#dropWeights(this.#dropped, regularization);
    return this.#dropped;
  }

  /** Drops tokens and recurrent weights in a vector: the weights, or their gradient. */
  #dropWeights(vector: Vector, { weightDrop, tokenDropout, seed, iteration }: RegularizedPass): void {
    const common = { vector, seed, iteration };
    if (tokenDropout > 0) {
      this.#engine.dropWeights({
        ...{ ...common, module: 0, parameter: this.#embedded ? 'weight' : 'weight_ih' },
        ...{ drops: 'input', probability: tokenDropout, site: TOKEN_SITE },
      });
    }
    if (weightDrop === 0) return;
    for (const [layer, { module }] of this.#layers.entries()) {
      this.#engine.dropWeights({
        ...{ ...common, module, parameter: 'weight_hh', drops: 'weight' },
        ...{ probability: weightDrop, site: WEIGHT_SITE + layer },
      });
    }
  }

  #own<T extends Tensor | Vector | Tape>(handle: T): T {
    this.#handles.push(handle);
    return handle;
  }

  /** Writes a batch to the engine. Returns its resets, if it has some. */
  #writeBatch({ inputs, targets, resets }: Batch): Tensor | undefined {
    this.#engine.write(this.#tokens, inputs);
    this.#engine.write(this.#targets, targets);
    if (!resets) return undefined;
    this.#engine.write(this.#resets, resets);
    return this.#resets;
  }

  /** @param buffers Undefined if no backward pass follows. */
  #forward(pass: Pass, state: NetworkState, buffers: BackwardBuffers | undefined): void {
    const { weights, resets } = pass;
    if (this.#embedded) {
      this.#engine.embeddingForward({ weights, module: 0, tokens: this.#tokens, output: this.#embedded });
    }
    for (const [index, layer] of this.#layers.entries()) {
      const { module, input, output } = layer;
      const layerState = state[index] as Tensor;
      this.#engine.recurrentForward({
        weights,
        module,
        input,
        resets,
        initial: layerState,
        final: layerState,
        output,
        tape: buffers?.tapes[index],
        dropout: dropoutAt(layer, pass),
      });
    }
    const { module, input } = this.#decoder;
    const dropout = dropoutAt(this.#decoder, pass);
    const dropped = dropout && buffers?.outputGradients[1];
    if (dropped) this.#engine.dropout({ ...dropout, input, output: dropped });
    this.#engine.linearForward({ weights, module, input: dropped ?? input, output: this.#logits });
  }

  #backward(pass: Pass, gradient: Vector, buffers: BackwardBuffers): void {
    const { weights, resets } = pass;
    const { tapes, outputGradients, embeddedGradient } = buffers;
    let [incoming, outgoing] = outputGradients;
    const dropout = dropoutAt(this.#decoder, pass);
    this.#engine.linearBackward({
      weights,
      gradient,
      module: this.#decoder.module,
      input: dropout ? outgoing : this.#decoder.input,
      outputGradient: this.#logits,
      inputGradient: incoming,
    });
    if (dropout) this.#engine.dropout({ ...dropout, input: incoming, output: incoming });

    for (let index = this.#layers.length - 1; index >= 0; index--) {
      const layer = this.#layers[index] as RecurrentLayer;
      const { module, input, output } = layer;
      this.#engine.recurrentBackward({
        weights,
        gradient,
        module,
        input,
        resets,
        output,
        outputGradient: incoming,
        tape: tapes[index] as Tape,
        inputGradient: index === 0 ? embeddedGradient : outgoing,
        dropout: dropoutAt(layer, pass),
      });
      [incoming, outgoing] = [outgoing, incoming];
    }
    if (embeddedGradient) {
      const tokens = this.#tokens;
      this.#engine.embeddingBackward({ gradient, module: 0, tokens, outputGradient: embeddedGradient });
    }
  }
}

/** The dropout of a layer's input in a pass; undefined if there is none. */
function dropoutAt({ dropoutSite }: LayerInput, { regularization }: Pass): Dropout | undefined {
  if (dropoutSite === undefined || !regularization || regularization.dropout === 0) return undefined;
  const { dropout, dropoutMask, seed, iteration } = regularization;
  return {
    ...{ probability: dropout, site: dropoutSite, seed, iteration },
    perSequence: dropoutMask === 'sequence',
  };
}
