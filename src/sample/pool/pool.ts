/**
 * Continuous batching: all requests to a model are computed together, and may join or leave between any two turns.
 *
 * A turn has three parts: prompts are read in one call; sequences whose tokens are chosen in JavaScript make some steps in one batch;
 * sequences that the engine can sample make many steps in one call. Then the event loop runs, so that sockets are served and new requests
 * arrive. The tokens of a sequence depend neither on the other sequences nor on when it joined.
 */
import type { DrawPlace, Engine, HeldUnit, Vector } from '../../engine/engine.ts';
import { UsageError } from '../../errors.ts';
import { StateSlots } from '../../model/states.ts';
import { nextTurn } from '../../util/event-loop.ts';
import { groupBy } from '../../util/group-by.ts';
import { ActiveRequest, type ActiveSequence } from './active-request.ts';
import { EngineSampledBatch } from './engine-sampled.ts';
import { HostSampledBatch } from './host-sampled.ts';
import type { PoolEngine } from './pool-engine.ts';
import { PromptReader } from './prompt-reader.ts';
import type { PoolRequest, RequestHandle } from './request.ts';

export interface SequencePoolInput {
  readonly engine: Engine;
  readonly weights: Vector;
  readonly vocabularySize: number;
  /** Maximum sequences at a time. Further requests wait. */
  readonly capacity: number;
  /** Memory for cached states of prompts, in bytes. */
  readonly cacheBytes: number;
  /**
   * Milliseconds that each of the three parts of a turn should take; up to six times as long for the part in which the engine samples many
   * sequences. It determines how long a new request waits.
   */
  readonly partTime: number;
  /** Milliseconds that a turn should take if there are only prompts to read. Default: no limit. */
  readonly promptTime?: number | undefined;
}

/** A batch for each list of held units; undefined if none are held. */
type EngineSampledBatches = Map<readonly HeldUnit[] | undefined, EngineSampledBatch>;

export class SequencePool {
  readonly capacity: number;
  readonly engine: Engine;
  readonly #shared: PoolEngine;
  readonly #partTime: number;
  readonly #promptTime: number | undefined;
  readonly #prompts: PromptReader;
  readonly #hostSampled: HostSampledBatch;
  readonly #engineSampled: Readonly<Record<DrawPlace, EngineSampledBatches>> = {
    host: new Map(),
    device: new Map(),
  };
  readonly #waiting = new Set<ActiveRequest>();
  readonly #admitted = new Set<ActiveRequest>();
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(input: SequencePoolInput) {
    const { engine, weights, vocabularySize, capacity, cacheBytes } = input;
    this.engine = engine;
    this.capacity = capacity;
    this.#partTime = input.partTime;
    this.#promptTime = input.promptTime;
    const slots = new StateSlots(engine, weights.layout, capacity);
    this.#shared = { engine, weights, vocabularySize, slots };
    this.#prompts = new PromptReader(this.#shared, cacheBytes);
    this.#hostSampled = new HostSampledBatch(this.#shared);
  }

  /** The engine, the weights and the states, for callers that hold slots. */
  get shared(): PoolEngine {
    return this.#shared;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Requests that wait for slots. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Slots in use, including those of paused requests. */
  get used(): number {
    return this.#shared.slots.used;
  }

  /** How many requests would wait for slots after a new request with this many sequences. */
  queuedWith(sequences: number): number {
    let { left } = this.#shared.slots;
    let queued = 0;
    for (const size of [...Array.from(this.#waiting, (request) => request.size), sequences]) {
      left -= size;
      if (left < 0) queued++;
    }
    return queued;
  }

  /**
   * Starts a request, or queues it if there are not enough slots.
   *
   * @throws {RangeError} if it needs more slots than the pool has
   */
  start(request: PoolRequest): RequestHandle {
    if (this.#isClosed) throw closed();
    const active = new ActiveRequest(request, () => this.#wake());
    if (active.size > this.capacity)
      throw new RangeError(`${active.size} sequences, more than the ${this.capacity} slots`);
    this.#waiting.add(active);
    this.#wake();
    return active;
  }

  /** Fails all requests and frees the engine's memory. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const request of [...this.#waiting, ...this.#admitted]) request.fail(closed());
    await this.#running;
    for (const batches of Object.values(this.#engineSampled))
      for (const batch of batches.values()) batch.release();
    this.#hostSampled.release();
    this.#prompts.release();
    this.#shared.slots.release();
  }

  #wake(): void {
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    do {
      // Requests that arrive in the same turn of the event loop start together.
      await nextTurn();
      try {
        if (this.#admit()) await this.#turn();
      } catch (error) {
        for (const request of this.#admitted) request.fail(error);
      }
    } while (this.#isBusy());
    this.#running = undefined;
  }

  #isBusy(): boolean {
    // A request may have arrived during a turn in which all others paused.
    const [next] = this.#waiting;
    if (next && (next.isEnded || next.size <= this.#shared.slots.left)) return true;
    for (const request of this.#admitted) if (request.isActive || request.isEnded) return true;
    return false;
  }

  /** Frees the slots of ended requests and gives them to waiting ones. Returns whether any request has slots. */
  #admit(): boolean {
    const { slots } = this.#shared;
    for (const request of this.#waiting) if (request.isEnded) this.#waiting.delete(request);
    for (const request of this.#admitted) {
      if (!request.isEnded) continue;
      this.#admitted.delete(request);
      slots.give(request.slots);
    }
    for (const request of this.#waiting) {
      let taken: number[] | undefined;
      try {
        taken = slots.take(request.size);
      } catch (error) {
        // The engine has no memory for so many: others may need fewer.
        this.#waiting.delete(request);
        request.fail(error);
        continue;
      }
      if (!taken) break;
      this.#waiting.delete(request);
      this.#admitted.add(request);
      request.slots = taken;
      this.#prompts.begin(request);
    }
    return this.#admitted.size > 0;
  }

  async #turn(): Promise<void> {
    const all = [...this.#admitted];
    const reading = all.filter(({ isReadingHead }) => isReadingHead);
    const isAlone = all.every((request) => !request.isActive || request.isReadingHead);
    await this.#prompts.advance(reading, isAlone ? this.#promptTime : this.#partTime);
    await this.#hostSampled.advance(all, this.#partTime);
    const sampled = all
      .filter(({ isActive }) => isActive)
      .flatMap(({ sequences }) =>
        [...sequences].filter(({ sequence }) => typeof sequence.sampling !== 'function'),
      );
    await this.#sampleOnEngine(sampled);
  }

  async #sampleOnEngine(sequences: readonly ActiveSequence[]): Promise<void> {
    const places = groupBy(sequences, ({ request }) => request.request.draws ?? 'host');
    const groups = [...places].flatMap(([draws, own]) =>
      [...groupBy(own, ({ request }) => request.request.hold)].map(([hold, members]) => ({
        ...{ draws, hold, members },
      })),
    );
    const time = (this.#partTime * loadFactor(sequences.length)) / Math.max(1, groups.length);
    for (const { draws, hold, members } of groups) {
      const batches = this.#engineSampled[draws];
      const batch = batches.get(hold) ?? new EngineSampledBatch(this.#shared, hold, draws);
      batches.set(hold, batch);
      await batch.advance(members, time);
    }
    const held = new Set(Array.from(this.#admitted, ({ request }) => request.hold));
    for (const batches of Object.values(this.#engineSampled)) {
      for (const [hold, batch] of batches) {
        if (hold === undefined || held.has(hold)) continue;
        batch.release();
        batches.delete(hold);
      }
    }
  }
}

/**
 * How much longer a call for N sequences may take. About half of the work that follows a call, such as writing to sockets, does not depend on
 * how many tokens the call has drawn. So if there are many sequences, longer calls are more efficient.
 */
function loadFactor(count: number): number {
  return Math.min(6, Math.max(1, count / 10));
}

export function closed(): UsageError {
  return new UsageError('this model is closed');
}
