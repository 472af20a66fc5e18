/** Which engine computes, in Node. */
import { AddonError, UnsupportedError } from '../errors.ts';
import { allowedThreads, availableProcessors } from '../util/processors.node.ts';
import { CpuEngine } from './cpu/cpu-engine.ts';
import { nativeBackend } from './cpu/native.node.ts';
import { threadsNotice } from './cpu/threads-notice.ts';
import { nodeWasmBackend } from './cpu/wasm.node.ts';
import {
  type ChosenEngine,
  type EngineChoice,
  joined,
  type MakeEngine,
  referenceEngine,
  wasmOrReference,
} from './select.ts';

/** `CHAR_RNN_ISA` names the instruction set of the native engine; one that the machine lacks is an error. */
export const makeEngine: MakeEngine = async (choice) => {
  const reference = referenceEngine(choice);
  if (reference) return reference;
  const { threads } = choice;
  const allowed = allowedThreads();
  if (threads === undefined || threads <= allowed) return makeCompiled(choice);
  const chosen = await makeCompiled({ ...choice, threads: allowed });
  const limit = threadsNotice(allowed, threads, 'the system allows this process no more');
  return { ...chosen, notice: joined(limit, chosen.notice) };
};

async function makeCompiled(choice: EngineChoice): Promise<ChosenEngine> {
  const { engine, threads } = choice;
  if (engine === 'wasm') return wasmOrReference(choice, () => nodeWasmBackend(threads));
  const variant = process.env.CHAR_RNN_ISA || undefined;
  try {
    return makeNative(threads ?? availableProcessors(), variant);
  } catch (error) {
    const isOpen = engine === 'auto' && variant === undefined;
    if (!isOpen || !(error instanceof UnsupportedError)) throw error;
    // A missing add-on is not worth a notice at every start.
    const isNews = !(error instanceof AddonError && error.code === 'addon-missing');
    return wasmOrReference(
      choice,
      () => nodeWasmBackend(threads),
      isNews ? `WebAssembly computes, which takes two to four times as long: ${error.problem}` : undefined,
    );
  }
}

function makeNative(threads: number, variant: string | undefined): ChosenEngine {
  const backend = nativeBackend({ variant, threads });
  return {
    engine: new CpuEngine(backend),
    notice: threadsNotice(backend.threads, threads, 'the system starts no more'),
  };
}
