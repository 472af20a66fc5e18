/**
 * An engine with a simulated clock, like a device on a bus: the device computes a batch in `work` milliseconds, and the values of a read
 * arrive `latency` milliseconds after the device has reached it. The clock advances only when the program waits for a read.
 */
import type { Engine } from '../../src/engine/engine.ts';
import { ReferenceEngine } from '../../src/engine/reference/reference-engine.ts';
import type { MakeEngine } from '../../src/engine/select.ts';

export interface SlowEngine {
  readonly makeEngine: MakeEngine;
  /** Milliseconds that have passed on the engine's clock. */
  now(): number;
  /** Batches whose losses were computed. */
  batches(): number;
  /** Reads that were requested. */
  reads(): number;
}

/** After this many turns of the event loop without a call, the program is taken to be waiting. */
const IDLE_TURNS = 20;

export function slowEngine({
  depth,
  work = 2,
  latency = 5,
  canBeLost = false,
}: {
  depth: number;
  canBeLost?: boolean;
  work?: number;
  latency?: number;
}): SlowEngine {
  let now = 0;
  /** When the device will have completed all enqueued work. */
  let busyUntil = 0;
  let batches = 0;
  let reads = 0;
  let activity = 0;
  let waiting: { readonly at: number; resolve(): void }[] = [];
  let isWatching = false;

  /** Advances the clock to the next read that is due, each time the program is idle. */
  async function watch(): Promise<void> {
    isWatching = true;
    while (waiting.length > 0) {
      for (let idle = 0, seen = activity; idle < IDLE_TURNS; idle++) {
        await new Promise((resolve) => setImmediate(resolve));
        if (activity !== seen) [idle, seen] = [0, activity];
      }
      const next = Math.min(...waiting.map(({ at }) => at));
      now = Math.max(now, next);
      for (const { resolve } of waiting.filter(({ at }) => at <= now)) resolve();
      waiting = waiting.filter(({ at }) => at > now);
    }
    isWatching = false;
  }

  const makeEngine: MakeEngine = async () => {
    const engine = new ReferenceEngine('float32');
    const description = { ...engine.description, depth, canBeLost };
    const proxy = new Proxy<Engine>(engine, {
      get(target, name) {
        activity++;
        if (name === 'description') return description;
        if (name === 'crossEntropy') {
          return (call: Parameters<Engine['crossEntropy']>[0]) => {
            batches++;
            busyUntil = Math.max(now, busyUntil) + work;
            target.crossEntropy(call);
          };
        }
        if (name === 'read') {
          return async (...call: Parameters<Engine['read']>) => {
            reads++;
            const values = target.read(...call);
            const at = Math.max(now, busyUntil) + latency;
            await new Promise<void>((resolve) => {
              waiting.push({ at, resolve });
              if (!isWatching) void watch();
            });
            return await values;
          };
        }
        const value = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    return { engine: proxy, notice: undefined };
  };
  return { makeEngine, now: () => now, batches: () => batches, reads: () => reads };
}
