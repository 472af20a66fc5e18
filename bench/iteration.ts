/**
 * Measures the time of an iteration on one engine. Prints one line of JSON.
 *
 *     node --import tsx bench/iteration.ts train|evaluate lstm 128 2 50 [engine] [threads] [seconds] [options] [float32|bfloat16|bfloat16-amx]
 *
 * The same work as bench/peers/pytorch.py. `options` is JSON with options of training that change the work of an iteration, to measure what they
 * cost: '{"weightDrop": 0.3, "dropout": 0.4, "dropoutMask": "sequence", "average": "ema"}'. `notice` says, for example, that bfloat16 is
 * emulated here. An evaluation computes in float32, so it takes no compute type.
 */
import type { Batch } from '../src/data/batches/batches.ts';
import { makeEngine } from '../src/engine/select.node.ts';
import { initialParameters } from '../src/model/initial-parameters.ts';
import { Network } from '../src/model/network.ts';
import { checkTrainingOptions, regularizationOf } from '../src/train/options.ts';
import { flopsPerSymbol } from '../src/train/preset/preset.ts';
import { Optimizer } from '../src/train/run/optimizer.ts';
import { WeightAverage } from '../src/train/run/weight-average.ts';
import { MersenneTwister } from '../src/util/mersenne-twister.ts';
import { ArgumentError, count, exit, jsonObject, networkArguments, oneOf, orExit } from './arguments.ts';

const {
  task,
  cell,
  hiddenSize: H,
  layers,
  T,
  engine: name,
  threads,
  seconds,
  options,
  compute,
} = orExit(() => {
  const [
    task = 'train',
    cell = 'lstm',
    units = '128',
    depth = '2',
    steps = '50',
    name = 'auto',
    threads = '',
    seconds = '3',
    json = '{}',
    compute = 'float32',
    ...more
  ] = process.argv.slice(2);
  const own = {
    ...networkArguments({ cell, units, depth, name, threads, seconds, more }),
    task: oneOf('the task', task, ['train', 'evaluate']),
    T: count('the steps', steps),
    options: checkTrainingOptions(jsonObject('the options', json)),
    compute: oneOf('the compute type', compute, ['float32', 'bfloat16', 'bfloat16-amx']),
  };
  if (task === 'evaluate' && compute !== 'float32')
    throw new ArgumentError(`an evaluation computes in float32: leave out ${compute}`);
  return own;
});
const B = 50;
const V = 65;

const { engine, notice } = await makeEngine({ engine: name, threads, precision: 'float32', compute }).catch(
  exit,
);
const config = { cell, layers, hiddenSize: H, vocabularySize: V };
const network = new Network(engine, config, { batchSize: B, sequenceLength: T }, 'training', compute);
const random = new MersenneTwister(123);
const [weights, gradient] = [engine.vector(network.layout), engine.vector(network.layout)];
engine.write(weights, initialParameters(network.layout, random));
const optimizer = new Optimizer(engine, network.layout, options);
const average = options.average === 'ema' ? new WeightAverage(engine, network.layout, options) : undefined;
average?.begin(0, weights);
const state = network.makeState();
const tokens = () => Int32Array.from({ length: T * B }, () => Math.floor(random.nextUniform() * V));
/** Created in advance, because in a training run the text has been read before. */
const batches = Array.from({ length: 16 }, () => ({ inputs: tokens(), targets: tokens() }));

let iteration = 0;
async function work() {
  const batch = batches[iteration % batches.length] as Batch;
  iteration++;
  if (task === 'evaluate') {
    network.evaluate(weights, batch, state);
    await engine.read(network.loss);
  } else {
    const pass = { ...regularizationOf(options), seed: options.seed, batch: iteration };
    network.lossAndGradient(weights, gradient, batch, state, pass);
    optimizer.update({ weights, gradient, loss: network.loss, learningRate: 0.002 });
    average?.add(iteration, weights);
    await optimizer.readFigures();
  }
}

for (let i = 0; i < 3; i++) await work();
const times: number[] = [];
/** Milliseconds of processor time: on a busy machine, these compare better than times. */
const processor: number[] = [];
const start = performance.now();
while (performance.now() - start < seconds * 1000 || times.length < 3) {
  const before = performance.now();
  const used = process.cpuUsage();
  await work();
  times.push(performance.now() - before);
  const { user, system } = process.cpuUsage(used);
  processor.push((user + system) / 1000);
}
const wall = (performance.now() - start) / times.length;
times.sort((a, b) => a - b);
processor.sort((a, b) => a - b);
// The forward pass is a third of training.
const flops = (flopsPerSymbol(config) * B * T) / (task === 'train' ? 1 : 3);
console.log(
  JSON.stringify({
    median: times[times.length >> 1],
    best: times[0],
    wall,
    processor: processor[processor.length >> 1],
    flops,
    compute,
    engine: engine.description.text,
    notice,
  }),
);
await engine.close();
