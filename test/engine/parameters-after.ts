/** A short training, for comparing its results bit by bit. */
import type { Cell } from '../../src/engine/cells.ts';
import type { Compute, Engine } from '../../src/engine/engine.ts';
import type { UpdateRuleKind } from '../../src/engine/update-rules.ts';
import type { ModelConfig } from '../../src/model/config.ts';
import { initialParameters } from '../../src/model/initial-parameters.ts';
import { Network } from '../../src/model/network.ts';
import { checkTrainingOptions, regularizationOf, type TrainingOptions } from '../../src/train/options.ts';
import { Optimizer } from '../../src/train/run/optimizer.ts';
import type { Given } from '../../src/util/check-options.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';

const V = 37;

/** Every cell and every optimizer occurs once or more: same-bits.test.ts checks that. */
export const TRAININGS = [
  ['lstm', 'rmsprop'],
  ['gru', 'adam'],
  ['rnn', 'rmsprop'],
  ['lstm', 'adam'],
] as const;

/** With one optimizer, the dropout of the original; with the other, all kinds of regularization. */
const REGULARIZATION: Readonly<Record<UpdateRuleKind, Given<TrainingOptions>>> = {
  rmsprop: { dropout: 0.2 },
  adam: { dropout: 0.2, dropoutMask: 'sequence', weightDrop: 0.3, tokenDropout: 0.1, weightDecay: 0.05 },
};

/**
 * The parameters after some iterations on random batches, in hexadecimal. With `resets`, documents begin within the rows. By default, no
 * dimension is a multiple of the kernels' tiles. Closes the engine.
 */
export async function parametersAfter(
  engine: Engine,
  cell: Cell,
  optimizer: UpdateRuleKind,
  iterations: number,
  more: Partial<ModelConfig> & {
    readonly compute?: Compute;
    readonly resets?: boolean;
    readonly batchSize?: number;
    readonly sequenceLength?: number;
  } = {},
): Promise<string> {
  const { compute, resets = false, batchSize: B = 7, sequenceLength: T = 11, ...form } = more;
  const config = { cell, layers: 2, hiddenSize: 33, vocabularySize: V, ...form };
  const network = new Network(engine, config, { batchSize: B, sequenceLength: T }, 'training', compute);
  const random = new MersenneTwister(5);
  const [weights, gradient] = [engine.vector(network.layout), engine.vector(network.layout)];
  engine.write(weights, initialParameters(network.layout, random));
  const options = checkTrainingOptions({ optimizer, ...REGULARIZATION[optimizer] });
  const steps = new Optimizer(engine, network.layout, options);
  const state = network.makeState();
  const tokens = () => Int32Array.from({ length: T * B }, () => Math.floor(random.nextUniform() * V));
  for (let iteration = 1; iteration <= iterations; iteration++) {
    const batch = {
      inputs: tokens(),
      targets: tokens(),
      ...(resets && { resets: Uint8Array.from({ length: T * B }, () => Number(random.nextUniform() < 0.2)) }),
    };
    network.lossAndGradient(weights, gradient, batch, state, {
      ...regularizationOf(options),
      seed: 1,
      batch: iteration,
    });
    steps.update({ weights, gradient, loss: network.loss, learningRate: 0.01 });
    await steps.readFigures();
  }
  const parameters = (await engine.read(weights)) as Float32Array;
  await engine.close();
  return Buffer.from(parameters.buffer).toString('hex');
}
