/**
 * Counts what sampling on a GPU records, with draws on the host and on the device, and times it.
 *
 *     node --import tsx bench/gpu-sampling.ts            counts, on a backend that computes nothing
 *     node --import tsx bench/gpu-sampling.ts --real     also times symbols, on the first GPU
 *
 * Needs the package webgpu. `CHAR_RNN_GPU=software` with --real uses a software adapter.
 */
import { NEUTRAL_CONTROLS } from '../src/engine/engine.ts';
import { openNodeDevice } from '../src/engine/webgpu/provider.node.ts';
import { WebGpuEngine } from '../src/engine/webgpu/webgpu-engine.ts';
import { layoutOf } from '../src/model/config.ts';
import { initialParameters } from '../src/model/initial-parameters.ts';
import { makeStates } from '../src/model/states.ts';
import { MersenneTwister } from '../src/util/mersenne-twister.ts';
import { nullDevice } from './null-gpu.ts';

const MODEL = { cell: 'lstm', layers: 2, hiddenSize: 128, vocabularySize: 65 } as const;
/** Steps of a call, as the pool makes them. */
const STEPS = 64;

const isReal = process.argv.includes('--real');
const gpu = isReal ? await openNodeDevice(0) : await nullDevice();
console.log(`${gpu.adapter.name}, ${gpu.adapter.backend}, lstm ${MODEL.hiddenSize}×${MODEL.layers}`);
const engine = new WebGpuEngine(gpu);
const layout = layoutOf(MODEL);
const random = new MersenneTwister(1);
const weights = engine.vector(layout);
engine.write(weights, initialParameters(layout, random));
for (const N of [1, 16, 100]) {
  // One slot more than sequences, as in a pool: so states are gathered and scattered.
  const states = makeStates(engine, layout, N + 1);
  const output = engine.tensor('float', [N, MODEL.vocabularySize]);
  for (const draws of ['host', 'device'] as const) {
    const generate = () =>
      engine.generate({
        ...{ weights, states, output, draws },
        slots: Int32Array.from({ length: N }, (_, n) => n),
        uniforms: Float64Array.from({ length: STEPS * N }, () => random.nextUniform()),
        rows: Array(N).fill({ controls: NEUTRAL_CONTROLS }),
      });
    await generate();
    const before = { ...engine.counts };
    const start = performance.now();
    await generate();
    const seconds = (performance.now() - start) / 1000;
    const counted = Object.entries(before).map(([name, count]) => {
      const each = (engine.counts[name as keyof typeof before] - count) / STEPS;
      return `${each.toFixed(2)} ${name}`;
    });
    const speed = isReal ? `; ${Math.round((STEPS * N) / seconds)} symbols a second` : '';
    console.log(`${N} sequences, draws on the ${draws}: ${counted.join(', ')} a step${speed}`);
  }
}
await engine.close();
