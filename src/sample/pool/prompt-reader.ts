/** Reads prompts in a batch, many tokens in a call, and puts states into the prefix cache. */
import { type FloatArray, NO_TOKEN, type Snapshots } from '../../engine/engine.ts';
import { floats } from '../../engine/precision.ts';
import type { ActiveRequest } from './active-request.ts';
import { BatchOutputs, type PoolEngine } from './pool-engine.ts';
import { PrefixCache, type PrefixNode } from './prefix-cache.ts';

/** Minimum and maximum tokens of each prompt in a call. */
const MIN_STEPS = 16;
const MAX_STEPS = 4096;

export class PromptReader {
  readonly #pool: PoolEngine;
  readonly #cache: PrefixCache;
  readonly #outputs: BatchOutputs;
  /** The prediction before the first token, log-probabilities [V]: uniform. */
  readonly #uniform: FloatArray;
  /** Milliseconds per token in the last call. */
  #stepTime = 1;

  /** @param cacheBytes Memory for cached states of prompts. */
  constructor(pool: PoolEngine, cacheBytes: number) {
    this.#pool = pool;
    this.#cache = new PrefixCache(pool.engine, pool.weights.layout, cacheBytes);
    this.#outputs = new BatchOutputs(pool);
    const { precision } = pool.engine.description;
    this.#uniform = floats(precision, pool.vocabularySize).fill(-Math.log(pool.vocabularySize));
  }

  /** Sets the initial state of a request that has just got its slots. */
  begin(request: ActiveRequest): void {
    const node = this.#cache.find(request.head);
    request.kept = node;
    request.position = node.length;
    request.cachedTokens = node.length;
    this.#cache.slots.copy([node.slot], this.#pool.slots, request.slots.slice(0, 1));
    if (request.head.length === 0) this.#end(request, this.#uniform);
  }

  /**
   * Reads more of the requests' prompts, in one call.
   *
   * @param time Milliseconds that the call should take; undefined: no limit.
   */
  async advance(requests: readonly ActiveRequest[], time: number | undefined): Promise<void> {
    // The longest first: it starts at the first step and the shorter ones later, so that all end together.
    const left = ({ head, position }: ActiveRequest) => head.length - position;
    const reading = [...requests].sort((a, b) => left(b) - left(a));
    const [longest] = reading;
    if (!longest) return;
    const max = time === undefined ? MAX_STEPS : Math.max(MIN_STEPS, Math.floor(time / this.#stepTime));
    const steps = Math.min(MAX_STEPS, max, left(longest));
    const tokens = new Int32Array(steps * reading.length).fill(NO_TOKEN);
    const firstSteps = reading.map((request, n) => {
      const count = Math.min(steps, left(request));
      const first = steps - count;
      for (let step = first; step < steps; step++)
        tokens[step * reading.length + n] = request.head[request.position + step - first] as number;
      return first;
    });
    const reserved: PrefixNode[] = [];
    try {
      const rows = await this.#read(reading, tokens, firstSteps, reserved);
      const { vocabularySize: V } = this.#pool;
      reading.forEach((request, n) => {
        if (left(request) === 0) this.#end(request, rows.slice(n * V, (n + 1) * V));
      });
    } catch (error) {
      // Otherwise later prompts would start from states that were never written.
      this.#cache.drop(reserved);
      throw error;
    }
  }

  /**
   * Reads tokens of the requests' prompts, and moves their positions.
   *
   * @param tokens [steps, N]
   * @param firstSteps The step at which each request's tokens begin.
   * @param reserved Receives the nodes of the cache whose states the call writes.
   * @returns the predictions after the last step, log-probabilities [N, V]; a shorter array if no prompt has been read completely
   */
  async #read(
    reading: readonly ActiveRequest[],
    tokens: Int32Array,
    firstSteps: readonly number[],
    reserved: PrefixNode[],
  ): Promise<FloatArray> {
    const { engine, weights, slots, vocabularySize } = this.#pool;
    const steps = tokens.length / reading.length;
    const output = this.#outputs.for(reading.length);
    const start = performance.now();
    engine.readTokens({
      weights,
      states: slots.states,
      slots: Int32Array.from(reading, (request) => request.slots[0] as number),
      tokens,
      output,
      snapshots: this.#snapshots(reading, firstSteps, steps, reserved),
    });
    reading.forEach((request, n) => {
      request.position += steps - (firstSteps[n] as number);
    });
    // Waits for the call even if no prompt has been read completely: a request that is cancelled meanwhile must not cause another call.
    const isAnyRead = reading.some(({ head, position }) => position === head.length);
    const count = isAnyRead ? reading.length * vocabularySize : 1;
    const rows = await engine.read(output, { offset: 0, count });
    this.#stepTime = (performance.now() - start) / steps;
    return rows as FloatArray;
  }

  release(): void {
    this.#outputs.release();
    this.#cache.release();
  }

  /** Which states the call has to copy to the cache; undefined if none. */
  #snapshots(
    reading: readonly ActiveRequest[],
    firstSteps: readonly number[],
    steps: number,
    reserved: PrefixNode[],
  ): Snapshots | undefined {
    // By slot: a later state of this call may have evicted an earlier one.
    const kept = new Map<number, { readonly step: number; readonly sequence: number }>();
    for (const [sequence, request] of reading.entries()) {
      const first = firstSteps[sequence] as number;
      const end = request.position + steps - first;
      for (const length of this.#cache.lengthsToKeep(request.head, request.position, end)) {
        const found = request.kept && this.#cache.keep(request.kept, request.head, length);
        request.kept = found?.node;
        if (!found?.isNew) continue;
        reserved.push(found.node);
        kept.set(found.node.slot, { step: first + length - request.position, sequence });
      }
    }
    if (kept.size === 0) return undefined;
    const order = [...kept].sort(([, a], [, b]) => a.step - b.step);
    return {
      states: this.#cache.slots.states,
      steps: Int32Array.from(order, ([, { step }]) => step),
      sequences: Int32Array.from(order, ([, { sequence }]) => sequence),
      slots: Int32Array.from(order, ([slot]) => slot),
    };
  }

  /** Called when the head of a prompt has been read. If it is the whole prompt, the sequences start. */
  #end(request: ActiveRequest, row: FloatArray): void {
    request.kept = undefined;
    request.row = row;
    if (request.head.length === request.request.prompt.length && !request.request.onPrompt)
      beginSequences(request, this.#pool);
  }
}

/** Called when the whole prompt has been read: copies its state to all slots and starts the sequences. */
export function beginSequences(active: ActiveRequest, { slots: store }: PoolEngine): void {
  const { sequences, onRead, held } = active.request;
  const { slots, cachedTokens } = active;
  const [first = 0, ...others] = slots;
  const copies = others.map(() => first);
  store.copy(copies, store, others);
  const row = active.row as FloatArray;
  active.row = undefined;
  active.isRead = true;
  sequences.forEach((sequence, index) => {
    active.sequences.add({ sequence, slot: slots[index] as number, request: active, row });
  });
  active.attempt(() => onRead?.({ cachedTokens, slots, logProbabilities: row }));
  if (sequences.length === 0 && held === undefined) active.isEnded = true;
}
