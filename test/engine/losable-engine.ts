/** An engine around the reference engine that loses its device, or runs out of memory, at a given call. */
import { setImmediate } from 'node:timers/promises';
import type { EngineChoice, MakeEngine } from '../../src/engine/choose.ts';
import type { Engine, EngineDescription } from '../../src/engine/engine.ts';
import { ReferenceEngine } from '../../src/engine/reference/reference-engine.ts';
import { EngineLostError, MemoryError } from '../../src/errors.ts';

/** What happens to one engine. */
export interface Fault {
  /** Whether it happens at this call: the number of calls so far, from 1, and the name of this one. */
  at(calls: number, name: string): boolean;
  /**
   * `lost`: pending and later reads reject; `lost-throwing`: other calls throw, too. `memory`: this call throws; `memory-read`: pending and
   * later reads reject.
   */
  readonly kind: 'lost' | 'lost-throwing' | 'memory' | 'memory-read';
}

export interface LosableEngines {
  readonly makeEngine: MakeEngine;
  /** The choices that engines were made for. */
  readonly choices: EngineChoice[];
  /** The calls of each engine. */
  readonly calls: number[];
  /** Engines that were not closed. */
  open(): number;
  /** Whether the fault of the first engine has happened. */
  isLost(): boolean;
}

/** Whether this is the call of an operation with this number, from 1. */
export function nth(number: number, operation: string): Fault['at'] {
  let count = 0;
  return (_, name) => name === operation && ++count === number;
}

const MUTE = new Set(['description', 'lost', 'bytesInUse', 'close', 'then']);

/** An engine for tests that says that it computes in float16, as a GPU does. It computes in float32. */
class Float16Engine extends ReferenceEngine {
  override readonly description: EngineDescription;

  constructor() {
    super('float32');
    const { description } = new ReferenceEngine('float32');
    this.description = { ...description, capabilities: { ...description.capabilities, float16: true } };
  }
}

/**
 * @param faults What happens to each engine, in the order in which they are made; undefined or missing: nothing.
 * @param depth Iterations in flight.
 */
export function losableEngines(faults: readonly (Fault | undefined)[], depth = 1): LosableEngines {
  const choices: EngineChoice[] = [];
  const calls: number[] = [];
  let open = 0;
  let isLost = false;
  const makeEngine: MakeEngine = async (choice) => {
    const fault = faults[choices.length];
    const number = choices.push(choice) - 1;
    const onCall = (count: number) => {
      calls[number] = count;
    };
    const onFault = () => {
      isLost ||= number === 0;
    };
    const inner = choice.compute === 'float16' ? new Float16Engine() : new ReferenceEngine('float32');
    const engine = losable(inner, fault, depth, onCall, onFault);
    open++;
    const close = () => {
      open--;
      return engine.close();
    };
    return { engine: Object.assign(Object.create(engine), { close }) as Engine, notice: undefined };
  };
  return { makeEngine, choices, calls, open: () => open, isLost: () => isLost };
}

function losable(
  inner: ReferenceEngine,
  fault: Fault | undefined,
  depth: number,
  onCall: (count: number) => void,
  onFault: () => void,
): Engine {
  const description = { ...inner.description, depth, canBeLost: true };
  let calls = 0;
  let failure: EngineLostError | MemoryError | undefined;
  let lose: (error: EngineLostError | MemoryError) => void = () => {};
  const lost = new Promise<EngineLostError | MemoryError>((resolve) => {
    lose = resolve;
  });
  const fail = (kind: Fault['kind']) => {
    const isMemory = kind === 'memory' || kind === 'memory-read';
    failure = isMemory
      ? new MemoryError('the device has no memory left')
      : new EngineLostError('the device is gone');
    lose(failure);
  };
  const handler: ProxyHandler<ReferenceEngine> = {
    get(target, name) {
      if (name === 'description') return description;
      if (name === 'lost') return lost;
      const value = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (MUTE.has(String(name))) return value.bind(target);
      return (...input: unknown[]) => {
        onCall(++calls);
        if (fault && !failure && fault.at(calls, String(name))) {
          fail(fault.kind);
          onFault();
          if (fault.kind === 'memory') throw failure;
        }
        if (name === 'read' || name === 'generate') return answer(value.apply(target, input));
        if (failure && fault?.kind === 'lost-throwing' && name !== 'release') throw failure;
        return value.apply(target, input);
      };
    },
  };
  /** The values of a read, which arrive later, unless the engine is lost by then. */
  async function answer(values: unknown): Promise<unknown> {
    await setImmediate();
    if (failure) throw failure;
    return await values;
  }
  return new Proxy<Engine>(inner, handler as ProxyHandler<Engine>);
}
