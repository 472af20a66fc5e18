/** Which engine computes, in Node. */
import { UnsupportedError } from '../errors.ts';
import { CpuEngine } from './cpu/cpu-engine.ts';
import { nativeBackend, nativeVariants } from './cpu/native.node.ts';
import { ReferenceEngine } from './reference/reference-engine.ts';
import { type MakeEngine, referenceEngine } from './select.ts';

const HOW_TO_BUILD =
  'To get it: a C++ compiler (Debian: apt install g++), then npm run build:native in a checkout.';

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
  if (engine === 'wasm') throw new UnsupportedError('there is no WebAssembly engine yet.');
  return {
    engine: new ReferenceEngine('float32'),
    notice: `The native engine is not there, so this is slow. ${HOW_TO_BUILD}`,
  };
};
