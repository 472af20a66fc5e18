/** The tensors of one batch on an engine: its tokens, and what the passes over it compute. B rows, T steps. */
import type { Engine, Tensor } from '../engine/engine.ts';
import { recurrentModules } from '../engine/layout.ts';
import { layoutOf, type ModelConfig } from './config.ts';

export interface Activations {
  /** int [T, B]. */
  readonly tokens: Tensor;
  /** int [T, B]. */
  readonly targets: Tensor;
  /** byte [T, B]. */
  readonly resets: Tensor;
  /** The embedded tokens, float [T, B, D]; undefined without an embedding. */
  readonly embedded: Tensor | undefined;
  /** Of each recurrent layer, float [T, B, H]. */
  readonly outputs: readonly Tensor[];
  /** float [T, B, V]; receives its own gradient. */
  readonly logits: Tensor;
  /** float [1 + T·B]: the sum of the losses, then the loss of each position, in nats. */
  readonly loss: Tensor;
  /** Undefined without a backward pass. */
  readonly gradients: ActivationGradients | undefined;
}

export interface ActivationGradients {
  /**
   * Gradients of the outputs of two neighbouring layers, float [T, B, H], used in turn. Until the gradient of the decoder's weights is
   * computed, the second one holds the decoder's input after dropout.
   */
  readonly outputs: readonly [Tensor, Tensor];
  /** Gradient of the embedded tokens, float [T, B, D]; undefined without an embedding. */
  readonly embedded: Tensor | undefined;
}

/** Allocates the tensors of a batch. @param isTrained Whether a backward pass follows. */
export function makeActivations(
  engine: Engine,
  config: ModelConfig,
  [T, B]: readonly [number, number],
  isTrained: boolean,
): Activations {
  const { hiddenSize: H, vocabularySize: V, embeddingSize: D } = config;
  const embedded = () => (D === undefined ? undefined : engine.tensor('float', [T, B, D]));
  const output = () => engine.tensor('float', [T, B, H]);
  return {
    loss: engine.tensor('float', [1 + T * B]),
    tokens: engine.tensor('int', [T, B]),
    targets: engine.tensor('int', [T, B]),
    resets: engine.tensor('byte', [T, B]),
    embedded: embedded(),
    outputs: recurrentModules(layoutOf(config)).map(output),
    logits: engine.tensor('float', [T, B, V]),
    gradients: isTrained ? { outputs: [output(), output()], embedded: embedded() } : undefined,
  };
}

/** The tensors of a batch of fewer steps, in the memory of those of a longer one. */
export function activationsIn(engine: Engine, longer: Activations, steps: number): Activations {
  const B = longer.tokens.shape[1] as number;
  const first = (tensor: Tensor) => engine.tensorIn(tensor, [steps, ...tensor.shape.slice(1)]);
  const firstOf = (tensor: Tensor | undefined) => tensor && first(tensor);
  const { gradients } = longer;
  return {
    loss: engine.tensorIn(longer.loss, [1 + steps * B]),
    tokens: first(longer.tokens),
    targets: first(longer.targets),
    resets: first(longer.resets),
    embedded: firstOf(longer.embedded),
    outputs: longer.outputs.map(first),
    logits: first(longer.logits),
    gradients: gradients && {
      outputs: [first(gradients.outputs[0]), first(gradients.outputs[1])],
      embedded: firstOf(gradients.embedded),
    },
  };
}

/** All tensors of a batch. */
export function tensorsOf({ outputs, gradients, ...single }: Activations): Tensor[] {
  const all = [...Object.values(single), ...outputs, ...(gradients?.outputs ?? []), gradients?.embedded];
  return all.filter((tensor) => tensor !== undefined);
}
