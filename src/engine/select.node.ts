/** Which engine computes, in Node. */
import { AddonError } from '../errors.ts';
import { allowedThreads } from '../util/processors.node.ts';
import { CpuEngine } from './cpu/cpu-engine.ts';
import { nativeBackend, nativeProblem } from './cpu/native.node.ts';
import { nodeWasmBackend } from './cpu/wasm.node.ts';
import {
  type ChosenEngine,
  type EngineChoice,
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
  const limit = `${allowed} threads compute, not ${threads}: the system allows this process no more.`;
  return { ...chosen, notice: chosen.notice ? `${limit} ${chosen.notice}` : limit };
};

async function makeCompiled(choice: EngineChoice): Promise<ChosenEngine> {
  const { engine, threads } = choice;
  const variant = process.env.CHAR_RNN_ISA || undefined;
  const problem = engine === 'auto' && variant === undefined ? nativeProblem() : undefined;
  if (engine === 'native' || (engine === 'auto' && problem === undefined)) {
    return { engine: new CpuEngine(nativeBackend({ variant, threads })), notice: undefined };
  }
  // That it was never built is no news at every start.
  const isNews =
    problem !== undefined && !(problem instanceof AddonError && problem.code === 'addon-missing');
  return wasmOrReference(
    choice,
    () => nodeWasmBackend(threads),
    isNews ? `WebAssembly computes, which takes two to four times as long: ${problem.problem}` : undefined,
  );
}
