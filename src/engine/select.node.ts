/** Which engine computes, in Node. */
import { CpuEngine } from './cpu/cpu-engine.ts';
import { nativeBackend, nativeVariants } from './cpu/native.node.ts';
import { nodeWasmBackend } from './cpu/wasm.node.ts';
import { type MakeEngine, referenceEngine } from './select.ts';

/** How to get the native engine. */
export const HOW_TO_BUILD =
  'To get it: a C++ compiler (Debian: apt install g++), then char-rnn build-native (in a checkout: npm run build:native).';

/** `CHAR_RNN_ISA` names the instruction set of the native engine; one that the machine lacks is an error. */
export const makeEngine: MakeEngine = async (choice) => {
  const reference = referenceEngine(choice);
  if (reference) return reference;
  const { engine, threads } = choice;
  const variant = process.env.CHAR_RNN_ISA || undefined;
  const canBeNative = variant !== undefined || nativeVariants().length > 0;
  if (engine === 'native' || (engine === 'auto' && canBeNative)) {
    return { engine: new CpuEngine(nativeBackend({ variant, threads })), notice: undefined };
  }
  const notice =
    engine === 'auto'
      ? `The native engine is not there; WebAssembly takes twice the time. ${HOW_TO_BUILD}`
      : undefined;
  return { engine: new CpuEngine(await nodeWasmBackend(threads)), notice };
};
