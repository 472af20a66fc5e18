/** Loses the GPU devices of training runs, in Node or in a page, and compares what the runs write with one that loses none. */
import assert from 'node:assert/strict';
import { memoryStorage } from '../../src/checkpoint/storage/memory-storage.ts';
import { buildCorpus } from '../../src/data/corpus.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { MakeEngine } from '../../src/engine/select.ts';
import type { GpuDevice } from '../../src/engine/webgpu/device.ts';
import { WebGpuEngine } from '../../src/engine/webgpu/webgpu-engine.ts';
import type { TrainingEvent } from '../../src/train/events.ts';
import { checkTrainingOptions } from '../../src/train/options.ts';
import { trainOn } from '../../src/train/train.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';

const text = 'the keeper of the harbour light walked along the wall in the rain. '.repeat(20);
const options = checkTrainingOptions({
  ...{ hiddenSize: 3, layers: 1, batchSize: 2, sequenceLength: 4, precision: 'float32', baseline: false },
  ...{
    maxIterations: 12,
    evaluateEvery: 8,
    checkpointEvery: '3',
    trainFraction: 0.97,
    validationFraction: 0.02,
  },
});

type FaultKind = 'engine-lost' | 'memory';

interface Fault {
  readonly kind: FaultKind;
  /** The number of the call at which it happens. */
  readonly at: number;
}

export interface LostDeviceFigures {
  readonly runs: number;
  /** Devices that were destroyed. */
  readonly destroyed: number;
  /** Devices that had too little memory. */
  readonly outOfMemory: number;
  /** The most iterations that a run had to make again after one fault. */
  readonly mostRepeated: number;
}

/** WebGPU's error for too little memory. The engine recognizes it by the name of its class, which a bundler may change. */
class OutOfMemory extends Error {}
Object.defineProperty(OutOfMemory, 'name', { value: 'GPUOutOfMemoryError' });

type OpenDevice = (number: number) => Promise<GpuDevice>;

/** A run on GPU 0. @param faults What happens to each engine, in the order in which they are made. */
async function trainWith(openDevice: OpenDevice, faults: readonly Fault[]) {
  const corpus = await buildCorpus({ text, name: 'the text' }, options);
  const storage = memoryStorage();
  let made = 0;
  let calls = 0;
  const makeEngine: MakeEngine = async () => {
    const gpu = await openDevice(0);
    const engine = new WebGpuEngine(gpu);
    const fault = faults[made++];
    calls = 0;
    const proxy = new Proxy<Engine>(engine, {
      get(target, name) {
        const value = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        if (name !== 'close' && ++calls === fault?.at) cause(fault.kind, gpu.device);
        return value.bind(target);
      },
    });
    return { engine: proxy, notice: undefined };
  };
  const events: TrainingEvent[] = [];
  for await (const event of trainOn(corpus, options, { makeEngine, storage, runId: 'run' }))
    events.push(event);
  return { events, files: Object.fromEntries(storage.files), made, calls };
}

function cause(kind: FaultKind, device: GPUDevice): void {
  if (kind === 'engine-lost') {
    device.destroy();
    return;
  }
  const error = new OutOfMemory('injected');
  device.dispatchEvent(Object.assign(new Event('uncapturederror'), { error }));
}

/**
 * Destroys the device of each run at a random call; in every third run, that of the engine which replaces the first, too. In every fourth run,
 * the device has too little memory instead.
 */
export async function loseDevices({
  openDevice,
  runs,
  seed = 1,
  onProgress = () => {},
}: {
  openDevice: OpenDevice;
  runs: number;
  seed?: number;
  onProgress?: (figures: LostDeviceFigures) => void;
}): Promise<LostDeviceFigures> {
  const whole = await trainWith(openDevice, []);
  const random = new MersenneTwister(seed);
  const draw = (limit: number) => 1 + Math.floor(random.nextUniform() * limit);
  const kindOf = (run: number) => (run % 4 === 1 ? 'memory' : 'engine-lost');
  let figures: LostDeviceFigures = { runs: 0, destroyed: 0, outOfMemory: 0, mostRepeated: 0 };
  for (let run = 0; run < runs; run++) {
    const places = run % 3 === 2 ? [draw(whole.calls), draw(whole.calls)] : [draw(whole.calls)];
    const faults = places.map((at) => ({ kind: kindOf(run), at }) as const);
    const { events, files, made } = await trainWith(openDevice, faults);
    const count = (code: FaultKind) =>
      events.filter((event) => event.type === 'warning' && event.code === code).length;
    const [destroyed, outOfMemory] = [count('engine-lost'), count('memory')];
    const label = JSON.stringify(faults);
    // A fault after the last read is not noticed, and does no harm.
    assert.equal(destroyed + outOfMemory, made - 1, label);
    assert.deepEqual(files, whole.files, label);
    figures = {
      runs: run + 1,
      destroyed: figures.destroyed + destroyed,
      outOfMemory: figures.outOfMemory + outOfMemory,
      mostRepeated: Math.max(figures.mostRepeated, mostRepeated(events)),
    };
    onProgress(figures);
  }
  return figures;
}

/** The most iterations that were made again after one fault. */
function mostRepeated(events: readonly TrainingEvent[]): number {
  let [last, most] = [0, 0];
  for (const event of events) {
    if (event.type === 'continued') most = Math.max(most, last - event.iteration);
    if (event.type === 'continued' || event.type === 'iteration') last = event.iteration;
  }
  return most;
}
