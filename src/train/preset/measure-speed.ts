/** Measures how fast an engine trains a model, with a few iterations on random tokens. */
import type { Engine } from '../../engine/engine.ts';
import { initialParameters } from '../../model/initial-parameters.ts';
import { Network } from '../../model/network.ts';
import { nextTurn } from '../../util/event-loop.ts';
import { MersenneTwister } from '../../util/mersenne-twister.ts';
import { modelConfig, regularizationOf, type TrainingOptions } from '../options.ts';
import { Optimizer } from '../run/optimizer.ts';

/**
 * Symbols that the engine trains on in a second with these options.
 *
 * @param milliseconds How long to measure, at least; less if the signal is aborted.
 */
export async function measureSpeed(
  engine: Engine,
  options: TrainingOptions,
  vocabularySize: number,
  { milliseconds, signal }: { readonly milliseconds: number; readonly signal?: AbortSignal | undefined },
): Promise<number> {
  const network = new Network(
    engine,
    modelConfig(options, vocabularySize),
    options,
    'training',
    options.compute,
  );
  const positions = options.batchSize * options.sequenceLength;
  const random = new MersenneTwister(1);
  const [weights, gradient] = [engine.vector(network.layout), engine.vector(network.layout)];
  const optimizer = new Optimizer(engine, network.layout, options);
  const state = network.makeState();
  try {
    engine.write(weights, initialParameters(network.layout, random, options.precision));
    const tokens = () =>
      Int32Array.from({ length: positions }, () => Math.floor(random.nextUniform() * vocabularySize));
    const times: number[] = [];
    const begun = performance.now();
    // The first iteration is a warm-up and does not count.
    while (times.length < 2 || (performance.now() - begun < milliseconds && !signal?.aborted)) {
      const start = performance.now();
      const pass = { ...regularizationOf(options), seed: options.seed, batch: times.length + 1 };
      network.lossAndGradient(weights, gradient, { inputs: tokens(), targets: tokens() }, state, pass);
      optimizer.update({ weights, gradient, loss: network.loss, learningRate: options.learningRate });
      await optimizer.readFigures();
      times.push(performance.now() - start);
      await nextTurn();
    }
    const sorted = times.slice(1).sort((a, b) => a - b);
    return (positions / (sorted[sorted.length >> 1] as number)) * 1000;
  } finally {
    optimizer.release();
    for (const handle of [...state, weights, gradient]) engine.release(handle);
    network.release();
  }
}
