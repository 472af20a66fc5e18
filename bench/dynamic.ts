/**
 * Measures how much longer dynamic evaluation takes than scoring with fixed weights in the same segments, and where the time goes.
 *
 *     node --import tsx bench/dynamic.ts [rounds] [hidden size]
 *
 * The model is an LSTM of 2 × 384 over 65 symbols, on the native engine with one thread. The segments have 20 characters of one sequence. Each
 * round times 50 segments of each kind, one after the other. Prints the medians over the rounds, in milliseconds of processor time a segment.
 */
import type { Batch } from '../src/data/batches/batches.ts';
import { UPDATE_REPORT_LENGTH } from '../src/engine/engine.ts';
import { makeEngine } from '../src/engine/select.node.ts';
import { layoutOf, type ModelConfig } from '../src/model/config.ts';
import { initialParameters } from '../src/model/initial-parameters.ts';
import { Network } from '../src/model/network.ts';
import { UPDATE_INTERVAL } from '../src/score/dynamic.ts';
import { MersenneTwister } from '../src/util/mersenne-twister.ts';
import { median } from './figures.ts';

const SEGMENTS = 50;
const [rounds = '9', hiddenSize = '384'] = process.argv.slice(2);
const config: ModelConfig = {
  ...{ cell: 'lstm', layers: 2, hiddenSize: Number(hiddenSize), vocabularySize: 65 },
};
const layout = layoutOf(config);
const { engine } = await makeEngine({ engine: 'native', precision: 'float32', threads: 1 });
const network = new Network(engine, config, { batchSize: 1, sequenceLength: UPDATE_INTERVAL });
const [original, weights, gradient, meanSquare] = [1, 2, 3, 4].map(() => engine.vector(layout));
if (!original || !weights || !gradient || !meanSquare) throw new Error('unreachable');
engine.write(original, initialParameters(layout, new MersenneTwister(1), 'float32'));
engine.fill(meanSquare, 1e-8);
const state = network.makeState();
const steps = engine.tensor('int', [1]);
const report = engine.tensor('float', [UPDATE_REPORT_LENGTH]);
const random = new MersenneTwister(2);
const tokens = () =>
  Int32Array.from({ length: UPDATE_INTERVAL }, () => Math.floor(random.nextUniform() * 65));
const batches = Array.from({ length: SEGMENTS }, () => ({ inputs: tokens(), targets: tokens() }));

const evaluate = (batch: Batch) => network.evaluate(weights, batch, state);
const differentiate = (batch: Batch) => network.lossAndGradient(weights, gradient, batch, state);
const update = () =>
  engine.update({
    ...{ weights, gradient, moments: [meanSquare], steps, report, learningRate: 5e-4 / UPDATE_INTERVAL },
    rule: { kind: 'rmsprop', alpha: 1, epsilon: 3e-4 },
  });
const average = () => engine.average(original, weights, 0.001);

const kinds: Readonly<Record<string, (batch: Batch) => void>> = {
  static: evaluate,
  dynamic: (batch) => {
    differentiate(batch);
    update();
    average();
  },
  lossAndGradient: differentiate,
  update,
  average,
};
const times = new Map(Object.keys(kinds).map((name) => [name, [] as number[]]));
for (let round = 0; round < Number(rounds); round++) {
  for (const [name, work] of Object.entries(kinds)) {
    // A model that has learned the text by heart has gradients that are too small to be typical.
    engine.copy(original, weights);
    const before = process.cpuUsage();
    for (const batch of batches) {
      work(batch);
      await engine.read(network.loss);
    }
    const { user, system } = process.cpuUsage(before);
    times.get(name)?.push((user + system) / 1_000 / SEGMENTS);
  }
}
const figures = Object.fromEntries([...times].map(([name, values]) => [name, median(values)]));
const ratio = (figures.dynamic ?? 0) / (figures.static ?? 1);
console.log(JSON.stringify({ ...figures, ratio, engine: engine.description.text }));
await engine.close();
