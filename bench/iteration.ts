/**
 * Measures the time of an iteration on one engine. Prints one line of JSON.
 *
 *     node --import tsx bench/iteration.ts train|evaluate lstm 128 2 50 [engine] [threads] [seconds]
 *
 * The same work as bench/peers/pytorch.py.
 */
import type { Batch } from '../src/data/batches/batches.ts';
import { type Cell, gateCount } from '../src/engine/cells.ts';
import { makeEngine } from '../src/engine/select.node.ts';
import type { EngineName } from '../src/engine/select.ts';
import { initialParameters } from '../src/model/initial-parameters.ts';
import { Network } from '../src/model/network.ts';
import { checkTrainingOptions } from '../src/train/options.ts';
import { Optimizer } from '../src/train/run/optimizer.ts';
import { MersenneTwister } from '../src/util/mersenne-twister.ts';

const [
  task = 'train',
  cell = 'lstm',
  units = '128',
  depth = '2',
  steps = '50',
  name = 'auto',
  threads,
  seconds = '3',
] = process.argv.slice(2);
const B = 50;
const V = 65;
const T = Number(steps);
const H = Number(units);
const layers = Number(depth);

const { engine } = await makeEngine({
  engine: name as EngineName,
  threads: threads ? Number(threads) : undefined,
  precision: 'float32',
});
const config = { cell: cell as Cell, layers, hiddenSize: H, vocabularySize: V };
const network = new Network(engine, config, { batchSize: B, sequenceLength: T });
const random = new MersenneTwister(123);
const [weights, gradient] = [engine.vector(network.layout), engine.vector(network.layout)];
engine.write(weights, initialParameters(network.layout, random));
const optimizer = new Optimizer(engine, network.layout, checkTrainingOptions({}));
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
    network.lossAndGradient(weights, gradient, batch, state);
    optimizer.update({ weights, gradient, loss: network.loss, learningRate: 0.002 });
    await optimizer.readFigures();
  }
}

for (let i = 0; i < 3; i++) await work();
const times: number[] = [];
const start = performance.now();
while (performance.now() - start < Number(seconds) * 1000 || times.length < 3) {
  const before = performance.now();
  await work();
  times.push(performance.now() - before);
}
const wall = (performance.now() - start) / times.length;
times.sort((a, b) => a - b);
const G = gateCount(config.cell);
const multiplyAdds = layers * G * H * H + (layers - 1) * G * H * H + H * V;
const flops = (task === 'train' ? 6 : 2) * B * T * multiplyAdds;
console.log(
  JSON.stringify({
    median: times[times.length >> 1],
    best: times[0],
    wall,
    flops,
    engine: engine.description.text,
  }),
);
await engine.close();
