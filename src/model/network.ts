/**
 * The model on an engine: memory for one batch, and the forward and backward passes over it. Each pass takes the weights as an argument, and a
 * batch of any length up to the longest.
 *
 * Dimension letters: B batch rows, T time steps, D layer input (for the first layer: the embedding's size, or V), H hidden units, V vocabulary,
 * L layers.
 */
import type { Batch } from '../data/batches/batches.ts';
import type { Compute, Dropout, Engine, Tape, Tensor, Vector } from '../engine/engine.ts';
import type { Layout } from '../engine/layout.ts';
import {
  type ActivationGradients,
  type Activations,
  activationsIn,
  makeActivations,
  tensorsOf,
} from './activations.ts';
import { layoutOf, type ModelConfig } from './config.ts';
import { dropsWeights, type RegularizedPass } from './regularization.ts';
import { makeStates } from './states.ts';

/** The sites of dropout on the input's tokens and on the recurrent weights of layer 0; those of other layers follow. See `Dropout`. */
const TOKEN_SITE = 1000;
const WEIGHT_SITE = 2000;

/** The state of each recurrent layer, float [S, B, H]. */
export type NetworkState = readonly Tensor[];

/** A recurrent layer or the decoder. */
interface Layer {
  /** Index of the layer in the layout. */
  readonly module: number;
  /** The number by which this layer's dropout masks differ from those of other layers; undefined if its input has no dropout. */
  readonly dropoutSite: number | undefined;
}

/** One pass over a batch. */
interface Pass {
  readonly weights: Vector;
  readonly activations: Activations;
  readonly resets: Tensor | undefined;
  /** Undefined in an evaluation. */
  readonly regularization: RegularizedPass | undefined;
  readonly compute: Compute;
}

export class Network {
  readonly layout: Layout;
  readonly #engine: Engine;
  readonly #batchSize: number;
  readonly #compute: Compute;
  /** The recurrent layers, from the input to the output. */
  readonly #layers: readonly Layer[];
  readonly #decoder: Layer;
  /** Of the longest batch. */
  readonly #activations: Activations;
  /** Of shorter batches, in the same memory, by their steps. Each is made when it is first needed. */
  readonly #shorter = new Map<number, Activations>();
  /** One for each recurrent layer; none for an evaluation. */
  readonly #tapes: readonly Tape[];
  /** A copy of the weights in which some are dropped. Made when it is first needed. */
  #dropped: Vector | undefined;
  /** Those of the last batch. */
  #current: Activations;

  /**
   * @param shape Of the longest batch.
   * @param purpose `evaluation` allocates no memory for a backward pass.
   * @param compute Of training passes. `bfloat16` needs that capability of the engine. An evaluation computes in float32, as sampling does.
   */
  constructor(
    engine: Engine,
    config: ModelConfig,
    shape: { readonly batchSize: number; readonly sequenceLength: number },
    purpose: 'training' | 'evaluation' = 'training',
    compute: Compute = 'float32',
  ) {
    const { batchSize: B, sequenceLength: T } = shape;
    const isTrained = purpose === 'training';
    this.#engine = engine;
    this.#batchSize = B;
    this.#compute = compute;
    this.layout = layoutOf(config);
    const modules = [...this.layout.keys()].filter((module) => this.layout[module]?.kind === 'recurrent');
    this.#layers = modules.map((module, layer) => ({ module, dropoutSite: layer || undefined }));
    this.#decoder = { module: this.layout.length - 1, dropoutSite: modules.length };
    this.#activations = makeActivations(engine, config, [T, B], isTrained);
    this.#tapes = isTrained ? modules.map((module) => engine.tape(this.layout, module, T, B)) : [];
    this.#current = this.#activations;
  }

  /** float [1 + T·B], for the T steps of the last batch: the sum of its losses, then the loss of each position, in nats. */
  get loss(): Tensor {
    return this.#current.loss;
  }

  /** float [T, B, V], for the T steps of the last batch: its logits after an evaluation; their gradient after `lossAndGradient`. */
  get logits(): Tensor {
    return this.#current.logits;
  }

  /** A state of zeros for the rows of a batch. */
  makeState(): NetworkState {
    return makeStates(this.#engine, this.layout, this.#batchSize);
  }

  /** Releases its memory, except the states that `makeState` has returned: these belong to the caller. */
  release(): void {
    for (const handle of [...tensorsOf(this.#activations), ...this.#tapes, this.#dropped])
      if (handle) this.#engine.release(handle);
  }

  /**
   * Computes the losses of a batch into `loss`. `state` becomes the state after the batch.
   *
   * @param logProbabilities float [T, B, V]: receives the predictions. Default: none.
   */
  evaluate(weights: Vector, batch: Batch, state: NetworkState, logProbabilities?: Tensor): void {
    const written = this.#writeBatch(batch);
    this.#forward({ weights, ...written, regularization: undefined, compute: 'float32' }, state);
    const { logits, targets, loss } = written.activations;
    this.#engine.crossEntropy({ logits, targets, loss, logProbabilities });
  }

  /**
   * Computes the losses of a batch into `loss`, and their gradient.
   *
   * As in the original, the gradient is that of the sum over time of the mean over rows, so it is not divided by T. It is truncated at
   * the start of the batch. `state` becomes the state after the batch.
   *
   * @param regularization Default: none.
   * @param scale A factor on the gradient. Default: 1.
   */
  lossAndGradient(
    weights: Vector,
    gradient: Vector,
    batch: Batch,
    state: NetworkState,
    regularization?: RegularizedPass,
    scale = 1,
  ): void {
    const drops = regularization && dropsWeights(regularization) ? regularization : undefined;
    const pass = {
      weights: drops ? this.#droppedCopy(weights, drops) : weights,
      ...this.#writeBatch(batch),
      regularization,
      compute: this.#compute,
    };
    const { logits, targets, loss, gradients } = pass.activations;
    if (!gradients) throw new TypeError('this network was made for evaluation');
    this.#forward(pass, state);
    const gradientScale = scale / this.#batchSize;
    this.#engine.crossEntropy({ logits, targets, loss, gradient: logits, gradientScale });
    this.#backward(pass, gradient, gradients);
    if (drops) this.#dropWeights(gradient, drops);
  }

  /** Returns a copy of the weights in which some are dropped. */
  #droppedCopy(weights: Vector, regularization: RegularizedPass): Vector {
    this.#dropped ??= this.#engine.vector(this.layout);
    this.#engine.copy(weights, this.#dropped);
    this.#dropWeights(this.#dropped, regularization);
    return this.#dropped;
  }

  /** Drops tokens and recurrent weights in a vector: the weights, or their gradient. */
  #dropWeights(vector: Vector, { weightDrop, tokenDropout, seed, batch }: RegularizedPass): void {
    const common = { vector, seed, batch };
    if (tokenDropout > 0) {
      this.#engine.dropWeights({
        ...{ ...common, module: 0, parameter: this.#activations.embedded ? 'weight' : 'weight_ih' },
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

  /** The tensors of a batch of some steps. */
  #activationsOf(steps: number): Activations {
    if (steps === this.#activations.tokens.shape[0]) return this.#activations;
    const known = this.#shorter.get(steps);
    if (known) return known;
    const made = activationsIn(this.#engine, this.#activations, steps);
    this.#shorter.set(steps, made);
    return made;
  }

  /** Writes a batch to the engine. Returns its tensors, and its resets if it has some. */
  #writeBatch({ inputs, targets, resets }: Batch): Pick<Pass, 'activations' | 'resets'> {
    const activations = this.#activationsOf(inputs.length / this.#batchSize);
    this.#current = activations;
    this.#engine.write(activations.tokens, inputs);
    this.#engine.write(activations.targets, targets);
    if (resets) this.#engine.write(activations.resets, resets);
    return { activations, resets: resets && activations.resets };
  }

  #forward(pass: Pass, state: NetworkState): void {
    const { weights, activations, resets, compute } = pass;
    const { tokens, embedded, outputs, logits, gradients } = activations;
    if (embedded) this.#engine.embeddingForward({ weights, module: 0, tokens, output: embedded });
    let input = embedded ?? tokens;
    for (const [index, layer] of this.#layers.entries()) {
      const layerState = state[index] as Tensor;
      const output = outputs[index] as Tensor;
      this.#engine.recurrentForward({
        weights,
        module: layer.module,
        input,
        resets,
        initial: layerState,
        final: layerState,
        output,
        tape: this.#tapes[index],
        dropout: dropoutAt(layer, pass),
        compute,
      });
      input = output;
    }
    const { module } = this.#decoder;
    const dropout = dropoutAt(this.#decoder, pass);
    const dropped = dropout && gradients?.outputs[1];
    if (dropped) this.#engine.dropout({ ...dropout, input, output: dropped });
    this.#engine.linearForward({ weights, module, input: dropped ?? input, output: logits, compute });
  }

  #backward(pass: Pass, gradient: Vector, gradients: ActivationGradients): void {
    const { weights, activations, resets, compute } = pass;
    const { tokens, embedded, outputs, logits } = activations;
    let [incoming, outgoing] = gradients.outputs;
    const dropout = dropoutAt(this.#decoder, pass);
    this.#engine.linearBackward({
      weights,
      gradient,
      module: this.#decoder.module,
      input: dropout ? outgoing : (outputs.at(-1) as Tensor),
      outputGradient: logits,
      inputGradient: incoming,
      compute,
    });
    if (dropout) this.#engine.dropout({ ...dropout, input: incoming, output: incoming });

    for (let index = this.#layers.length - 1; index >= 0; index--) {
      const layer = this.#layers[index] as Layer;
      this.#engine.recurrentBackward({
        weights,
        gradient,
        module: layer.module,
        input: outputs[index - 1] ?? embedded ?? tokens,
        resets,
        output: outputs[index] as Tensor,
        outputGradient: incoming,
        tape: this.#tapes[index] as Tape,
        inputGradient: index === 0 ? gradients.embedded : outgoing,
        dropout: dropoutAt(layer, pass),
        compute,
      });
      [incoming, outgoing] = [outgoing, incoming];
    }
    const outputGradient = gradients.embedded;
    if (outputGradient) this.#engine.embeddingBackward({ gradient, module: 0, tokens, outputGradient });
  }
}

/** The dropout of a layer's input in a pass; undefined if there is none. */
function dropoutAt({ dropoutSite }: Layer, { regularization }: Pass): Dropout | undefined {
  if (dropoutSite === undefined || !regularization || regularization.dropout === 0) return undefined;
  const { dropout, dropoutMask, seed, batch } = regularization;
  return {
    ...{ probability: dropout, site: dropoutSite, seed, batch },
    perSequence: dropoutMask === 'sequence',
  };
}
