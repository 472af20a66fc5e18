/**
 * Time of a training iteration of an engine, by itself.
 *
 *     node --import tsx bench/iteration.ts lstm 128 2 [engine] [threads] [instructions] [iterations]
 *
 * Batch 50, sequence 50, 65 characters, RMSProp. FLOPs as in docs/benchmarks.md: 6·B·T·(recurrent weights + input weights of layers
 * from the second on + decoder weights).
 */
import type { Cell } from '../src/engine/layout.ts';
import { gateCount } from '../src/engine/layout.ts';
import { makeEngine } from '../src/engine/select.node.ts';
import { Network } from '../src/model/network.ts';
import { initialParameters } from '../src/model/parameters.ts';
import { Optimizer } from '../src/train/optimizer.ts';
import { checkTrainingOptions } from '../src/train/options.ts';
import { MersenneTwister } from '../src/util/mersenne-twister.ts';

const [
  cell = 'lstm',
  units = '128',
  depth = '2',
  engineName = 'native',
  threads = '2',
  instructions,
  count = '60',
] = process.argv.slice(2);
const B = 50;
const T = Number(process.env.SEQUENCE ?? 50);
const V = 65;
const H = Number(units);
const layers = Number(depth);
if (instructions) process.env.CHAR_RNN_ISA = instructions;
const { engine } = await makeEngine({
  engine: engineName as 'native',
  threads: Number(threads),
  precision: 'float32',
});
const config = { cell: cell as Cell, layers, hiddenSize: H, vocabularySize: V, dropout: 0 };
const options = checkTrainingOptions({});
const network = new Network(engine, config, { batchSize: B, sequenceLength: T });
const random = new MersenneTwister(123);
network.writeParameters(initialParameters(network.layout, random));
const optimizer = new Optimizer(engine, network, options);
const state = network.makeState();
const tokens = () => Int32Array.from({ length: T * B }, () => Math.floor(random.nextUniform() * V));
const batch = { inputs: tokens(), targets: tokens() };
const times: number[] = [];
for (let iteration = 1; iteration <= Number(count); iteration++) {
  const start = performance.now();
  network.differentiate(batch, state, { seed: 123, iteration });
  await optimizer.update(network, 0.002);
  await engine.read(network.totalLoss);
  times.push(performance.now() - start);
}
times.splice(0, Math.min(5, times.length - 1));
times.sort((a, b) => a - b);
const best = times[0] as number;
const median = times[times.length >> 1] as number;
const G = gateCount(config.cell);
const multiplyAdds = layers * G * H * H + (layers - 1) * G * H * H + H * V;
const gflops = (6 * B * T * multiplyAdds) / best / 1e6;
console.log(
  `${engine.description.text}: ${cell} ${H}×${layers}: median ${median.toFixed(2)} ms, best ${best.toFixed(2)} ms, ${gflops.toFixed(1)} GFLOPS at best`,
);
await engine.close();
