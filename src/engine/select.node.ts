/** The engines of Node. */
import { allowedThreads, availableProcessors } from '../util/machine.node.ts';
import { type EngineKind, engineMaker, joined, type MakeEngine } from './choose.ts';
import { CpuEngine } from './cpu/cpu-engine.ts';
import { fastBfloat16, type NativeBackend, nativeBackend } from './cpu/native.node.ts';
import { threadsNotice } from './cpu/threads-notice.ts';
import { nodeWasmBackend } from './cpu/wasm.node.ts';
import type { Compute } from './engine.ts';
import { REFERENCE_KIND, wasmKind, webgpuKind } from './select.ts';

/** The instruction set that the native engine must use, if one is forced. */
const forcedVariant = () => process.env.CHAR_RNN_ISA || undefined;

const NATIVE_KIND: EngineKind = {
  name: 'native',
  instead: 'The native engine computes',
  precisions: ['float32'],
  roundsTo: ['bfloat16', 'bfloat16-amx'],
  hasInt8: true,
  async open({ threads = availableProcessors(), compute }) {
    const backend = nativeBackend({ variant: forcedVariant(), threads });
    return {
      engine: new CpuEngine(backend),
      notice: joined(
        threadsNotice(backend.threads, threads, 'the system starts no more'),
        emulationNotice(backend, compute),
      ),
    };
  },
};

/** The instructions that define the order of the sums. */
const ORIGINALS: Partial<Record<Compute, string>> = { bfloat16: 'AVX512_BF16', 'bfloat16-amx': 'AMX' };

/** A notice if the processor has no instruction for a way to compute. */
function emulationNotice({ notEmulated }: NativeBackend, compute: Compute | undefined): string | undefined {
  const original = compute && ORIGINALS[compute];
  if (!original || notEmulated.includes(compute)) return undefined;
  const faster = fastBfloat16().find((other) => notEmulated.includes(other));
  return joined(
    `${compute} is emulated here: the results are bit-identical to those of ${original}, but slower than in float32.`,
    faster && `On this processor, ${faster} is faster than float32.`,
  );
}

/** The GPU, which is used only if it is requested, then the engines of the CPU, the fastest first. */
export const NODE_ENGINES: readonly EngineKind[] = [
  webgpuKind(async (gpu) => (await import('./webgpu/provider.node.ts')).openNodeDevice(gpu)),
  withinLimit(NATIVE_KIND),
  withinLimit(wasmKind(nodeWasmBackend)),
  REFERENCE_KIND,
];

const make = engineMaker(NODE_ENGINES, 'in Node');

/**
 * Chooses an engine in Node. `CHAR_RNN_ISA` names an instruction set, and so chooses the native engine; an instruction set that the machine
 * lacks is an error.
 */
export const makeEngine: MakeEngine = (choice) => {
  const { engine, precision, gpu = -1 } = choice;
  const isNative = forcedVariant() !== undefined && engine === 'auto' && precision === 'float32' && gpu < 0;
  return make(isNative ? { ...choice, engine: 'native' } : choice);
};

/** Limits the threads of an engine to those that the system allows this process. */
function withinLimit({ open, ...kind }: EngineKind): EngineKind {
  return {
    ...kind,
    async open(options) {
      const { threads } = options;
      const allowed = allowedThreads();
      if (threads === undefined || threads <= allowed) return open(options);
      const { engine, notice } = await open({ ...options, threads: allowed });
      const limit = threadsNotice(allowed, threads, 'the system allows this process no more');
      return { engine, notice: joined(limit, notice) };
    },
  };
}
