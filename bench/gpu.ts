/**
 * Measures training iterations on a GPU, or, without one, counts what an iteration records and computes how long a GPU would take.
 *
 *     node --import tsx bench/gpu.ts            counts dispatches, times their recording, computes a time model
 *     node --import tsx bench/gpu.ts --real     times iterations on the first GPU, and PyTorch's nn.LSTM (float32, TF32 off) in turns
 *
 * `--compute float16` does the same with recurrent weights in float16.
 *
 * Needs the package webgpu. Without --real, Dawn's null backend takes all calls, checks them and computes nothing: so the times are those of
 * recording on the processor alone. The time model is a computation, not a measurement.
 */
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { openNodeDevice } from '../src/engine/webgpu/provider.node.ts';
import { recurrentTuning } from '../src/engine/webgpu/tuning.ts';
import { WebGpuEngine } from '../src/engine/webgpu/webgpu-engine.ts';
import { initialParameters } from '../src/model/initial-parameters.ts';
import { Network } from '../src/model/network.ts';
import { checkTrainingOptions } from '../src/train/options.ts';
import { flopsPerSymbol } from '../src/train/preset/preset.ts';
import { Optimizer } from '../src/train/run/optimizer.ts';
import { MersenneTwister } from '../src/util/mersenne-twister.ts';
import { dispatchTime, nullDevice } from './null-gpu.ts';

interface Shape {
  readonly hiddenSize: number;
  readonly layers: number;
  readonly batchSize: number;
  readonly sequenceLength: number;
}

const SHAPES: readonly Shape[] = [
  { hiddenSize: 128, layers: 2, batchSize: 50, sequenceLength: 50 },
  { hiddenSize: 512, layers: 2, batchSize: 50, sequenceLength: 50 },
  { hiddenSize: 1024, layers: 3, batchSize: 100, sequenceLength: 100 },
];
const VOCABULARY_SIZE = 65;
/** Iterations in flight, as in training. */
const DEPTH = 4;

/** An NVIDIA H100: peak in FP32, the share of it that tiled products reach, L2 bandwidth in all and of one core, time between dependent dispatches. */
const H100 = {
  flops: 67e12,
  productShare: 0.4,
  cache: 5.5e12,
  cacheOfCore: 120e9,
  cores: 132,
  gap: 3.5e-6,
  latency: 2e-6,
};

const isReal = process.argv.includes('--real');
const compute = process.argv.includes('float16') ? 'float16' : 'float32';
const gpu = isReal ? await openNodeDevice(0) : await nullDevice();
console.log(
  `${gpu.adapter.name}, ${gpu.adapter.backend}; ${cpus()[0]?.model}, ${cpus().length} processors, Node ${process.versions.node}`,
);
if (!isReal)
  console.log(`Dawn's own calls for a dispatch: ${dispatchTime(gpu.device).toFixed(1)} µs at best`);
for (const shape of SHAPES) {
  const { hiddenSize: H, layers, batchSize: B, sequenceLength: T } = shape;
  // The null backend has small limits, and computes nothing: fewer rows take as many dispatches.
  const measured = await measure(isReal ? shape : { ...shape, batchSize: H > 512 ? 4 : B });
  const name = `lstm ${H}×${layers}, B ${B}, T ${T}`;
  const counted = `${measured.dispatches.toFixed(0)} dispatches and ${measured.submits.toFixed(0)} submits an iteration`;
  const recording = `recorded in ${measured.recording.toFixed(2)} ms (${measured.shortest.toFixed(2)} at best), ${((1000 * measured.recording) / measured.dispatches).toFixed(1)} µs a dispatch`;
  if (isReal) {
    const torch = torchTime(shape);
    const peer =
      torch === undefined
        ? 'no PyTorch with CUDA here'
        : `nn.LSTM ${torch.toFixed(2)} ms, ${(torch / measured.time).toFixed(2)} × its speed`;
    console.log(`${name}: ${measured.time.toFixed(2)} ms an iteration; ${peer}; ${counted}, ${recording}`);
  } else {
    console.log(
      `${name}: ${counted}, ${recording}; computed for an H100: ${(1000 * modelled(shape, measured.dispatches)).toFixed(2)} ms`,
    );
  }
}
gpu.release();

/** Milliseconds of an iteration, and of the processor to record one (the median and the shortest), after some that compile the kernels. */
async function measure(shape: Shape) {
  const engine = new WebGpuEngine({ ...gpu, release() {} });
  const config = { ...shape, cell: 'lstm' as const, vocabularySize: VOCABULARY_SIZE };
  const network = new Network(engine, config, shape, 'training', compute);
  const random = new MersenneTwister(1);
  const [weights, gradient] = [engine.vector(network.layout), engine.vector(network.layout)];
  engine.write(weights, initialParameters(network.layout, random));
  const optimizer = new Optimizer(engine, network.layout, checkTrainingOptions({}));
  const state = network.makeState();
  const count = shape.batchSize * shape.sequenceLength;
  const tokens = () =>
    Int32Array.from({ length: count }, () => Math.floor(random.nextUniform() * VOCABULARY_SIZE));
  const batch = { inputs: tokens(), targets: tokens() };
  /** Milliseconds of processor time of each iteration: on a busy machine, these compare better than times. */
  const recordings: number[] = [];
  const iterate = () => {
    const used = process.cpuUsage();
    network.lossAndGradient(weights, gradient, batch, state);
    optimizer.update({ weights, gradient, loss: network.loss, learningRate: 0.002 });
    const { user, system } = process.cpuUsage(used);
    recordings.push((user + system) / 1000);
    return optimizer.readFigures();
  };
  const run = async (iterations: number) => {
    const pending: Promise<unknown>[] = [];
    for (let i = 0; i < iterations; i++) {
      pending.push(iterate());
      if (pending.length >= DEPTH) await pending.shift();
    }
    await Promise.all(pending);
  };
  // Enough for Node to optimize the code that records.
  await run(200);
  const iterations = 200;
  const before = { ...engine.counts };
  recordings.length = 0;
  const start = performance.now();
  await run(iterations);
  const time = (performance.now() - start) / iterations;
  const dispatches = (engine.counts.dispatches - before.dispatches) / iterations;
  const submits = (engine.counts.submits - before.submits) / iterations;
  await engine.close();
  recordings.sort((a, b) => a - b);
  const [shortest, recording] = [recordings[0], recordings[recordings.length >> 1]] as [number, number];
  return { time, dispatches, submits, recording, shortest };
}

/** Seconds of an iteration: the products over all positions, then the recurrent steps one after the other, forward and backward. */
function modelled(shape: Shape, dispatches: number): number {
  const { hiddenSize: H, layers, batchSize: B, sequenceLength: T } = shape;
  const { flops, productShare, cache, cacheOfCore, cores, gap, latency } = H100;
  const tuning = recurrentTuning(gpu.adapter, H, B);
  const all = flopsPerSymbol({ ...shape, cell: 'lstm', vocabularySize: VOCABULARY_SIZE }) * B * T;
  const ofStep = 8 * B * H ** 2;
  const steps = 2 * layers * T;
  const rowGroups = Math.ceil(B / tuning.rows);
  const weightBytes = (compute === 'float16' ? 8 : 16) * H ** 2;
  let step: number;
  if (tuning.design === 'steps') {
    const groups = Math.ceil(H / tuning.units) * rowGroups;
    const share = Math.min(1, groups / cores);
    step = Math.max(
      latency,
      ofStep / (flops * 0.5 * share),
      (rowGroups * weightBytes) / Math.min(cache, groups * cacheOfCore),
    );
  } else {
    const waves = Math.ceil(rowGroups / cores);
    const bandwidth = Math.min(cacheOfCore, cache / Math.min(rowGroups, cores));
    step = waves * Math.max(weightBytes / bandwidth, (8 * tuning.rows * H ** 2) / ((flops / cores) * 0.4));
  }
  return dispatches * gap + steps * step + (all - steps * ofStep) / (flops * productShare);
}

function torchTime({ hiddenSize, layers, batchSize, sequenceLength }: Shape): number | undefined {
  const script = fileURLToPath(new URL('peers/cudnn.py', import.meta.url));
  const words = [hiddenSize, layers, batchSize, sequenceLength].map(String);
  const { status, stdout } = spawnSync('python3', [script, ...words], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return status === 0 ? Number(stdout) : undefined;
}
