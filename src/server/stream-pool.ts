/**
 * Continuous batching: all requests to a model go on side by side, and come and go between any two turns.
 *
 * A turn has two parts. Streams that read their prompts, and those whose tokens are chosen here, make some steps in one batch,
 * token by token. Those that the engine can draw for make several steps at once. Then the event loop has a turn: sockets are served, new requests come in.
 * This takes a few milliseconds, which is how long a new request waits.
 */
import { stateParts } from '../engine/cells.ts';
import type { Engine, Tensor, Vector } from '../engine/engine.ts';
import { recurrentModules } from '../engine/layout.ts';
import { nextTurn } from '../util/event-loop.ts';
import { FreeStreams, type StreamSetting } from './free-streams.ts';
import { PooledRequest } from './pooled-request.ts';
import type { PoolRequest, PoolTicket } from './pooled-stream.ts';
import { PrefixCache } from './prefix-cache.ts';
import { SteppedStreams } from './stepped-streams.ts';

export interface PoolSettings {
  readonly engine: Engine;
  readonly weights: Vector;
  readonly vocabularySize: number;
  /** Streams at once; requests beyond them wait. */
  readonly capacity: number;
  /** Memory for the states of prompts that were read, in bytes. */
  readonly cacheBytes: number;
}

/** Milliseconds that each part of a turn should take. */
const PART = 2;

export class StreamPool {
  readonly capacity: number;
  readonly #setting: StreamSetting;
  readonly #cache: PrefixCache;
  readonly #stepped: SteppedStreams;
  readonly #free: FreeStreams;
  readonly #freeSlots: number[];
  readonly #waiting = new Set<PooledRequest>();
  readonly #admitted = new Set<PooledRequest>();
  #running: Promise<void> | undefined;

  constructor({ engine, weights, vocabularySize, capacity, cacheBytes }: PoolSettings) {
    this.capacity = capacity;
    const states: readonly Tensor[] = recurrentModules(weights.layout).map((module) =>
      engine.tensor('float', [stateParts(module.cell), capacity, module.hiddenSize]),
    );
    this.#setting = { engine, weights, states, vocabularySize };
    this.#free = new FreeStreams(this.#setting);
    this.#cache = new PrefixCache(engine, weights, cacheBytes);
    this.#stepped = new SteppedStreams(this.#setting, this.#cache);
    this.#freeSlots = Array.from({ length: capacity }, (_, index) => capacity - 1 - index);
  }

  get engine(): Engine {
    return this.#setting.engine;
  }

  /** Requests that wait for a slot. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Requests for which no slots are free, if one of so many streams comes now. */
  queuedWith(streams: number): number {
    let free = this.#freeSlots.length;
    let queued = 0;
    for (const size of [...Array.from(this.#waiting, (owner) => owner.size), streams]) {
      free -= size;
      if (free < 0) queued++;
    }
    return queued;
  }

  /** Streams that have a slot, those that are paused among them. */
  get seated(): number {
    return this.capacity - this.#freeSlots.length;
  }

  /**
   * Begins a request, or queues it.
   *
   * @throws {RangeError} for more streams than there are slots
   */
  start(request: PoolRequest): PoolTicket {
    const owner = new PooledRequest(request, () => this.#wake());
    if (owner.size > this.capacity)
      throw new RangeError(`${owner.size} streams, more than the ${this.capacity} slots`);
    this.#waiting.add(owner);
    this.#wake();
    return owner;
  }

  /** Ends all requests and gives the engine's memory back. */
  async close(): Promise<void> {
    for (const owner of [...this.#waiting, ...this.#admitted]) owner.cancel();
    await this.#running;
    const { engine, states } = this.#setting;
    for (const tensor of states) engine.release(tensor);
    this.#free.release();
    this.#stepped.release();
    this.#cache.release();
  }

  #wake(): void {
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    do {
      // Requests that come in one turn of the event loop begin together.
      await nextTurn();
      try {
        if (this.#exchange()) await this.#turn();
      } catch (error) {
        for (const owner of this.#admitted) owner.fail(error);
      }
    } while (this.#isBusy());
    this.#running = undefined;
  }

  #isBusy(): boolean {
    // One that came during a turn at whose end all others had paused.
    const [next] = this.#waiting;
    if (next && (next.isEnded || next.size <= this.#freeSlots.length)) return true;
    for (const owner of this.#admitted) if (owner.isActive || owner.isEnded) return true;
    return false;
  }

  /** Takes the slots of those that ended, gives them to those that wait. False when there is nothing to do. */
  #exchange(): boolean {
    for (const owner of this.#waiting) if (owner.isEnded) this.#waiting.delete(owner);
    for (const owner of this.#admitted) {
      if (!owner.isEnded) continue;
      this.#admitted.delete(owner);
      this.#freeSlots.push(...owner.slots);
    }
    for (const owner of this.#waiting) {
      if (owner.size > this.#freeSlots.length) break;
      this.#waiting.delete(owner);
      this.#admitted.add(owner);
      owner.slots = this.#freeSlots.splice(-owner.size);
      this.#stepped.begin(owner);
    }
    return this.#admitted.size > 0;
  }

  async #turn(): Promise<void> {
    await this.#stepped.advance([...this.#admitted], PART);
    const drawn = [...this.#admitted]
      .filter(({ isActive }) => isActive)
      .flatMap((owner) => [...owner.seated].filter(({ stream }) => typeof stream.source !== 'function'));
    const tokens = await this.#free.advance(drawn, PART);
    drawn.forEach((seated, n) => {
      seated.owner.deliver(seated, tokens[n] as Int32Array);
    });
  }
}
