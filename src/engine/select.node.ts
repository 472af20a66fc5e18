/** Which engine computes, in Node. */
import { CpuEngine } from './cpu/cpu-engine.ts';
import { nativeBackend, nativeProblem } from './cpu/native.node.ts';
import { nodeWasmBackend } from './cpu/wasm.node.ts';
import { type MakeEngine, referenceEngine } from './select.ts';

/** `CHAR_RNN_ISA` names the instruction set of the native engine; one that the machine lacks is an error. */
export const makeEngine: MakeEngine = async (choice) => {
  const reference = referenceEngine(choice);
  if (reference) return reference;
  const { engine, threads } = choice;
  const variant = process.env.CHAR_RNN_ISA || undefined;
  const problem = engine === 'auto' && variant === undefined ? nativeProblem() : undefined;
  if (engine === 'native' || (engine === 'auto' && problem === undefined)) {
    return { engine: new CpuEngine(nativeBackend({ variant, threads })), notice: undefined };
  }
  const notice = problem && `WebAssembly computes, which takes twice the time: ${problem}`;
  return { engine: new CpuEngine(await nodeWasmBackend(threads)), notice };
};
