/**
 * Streams that make one step at a time, in one batch: those that read their prompts, and those whose tokens are chosen here from
 * log-probabilities.
 */
import type { FloatArray, Tensor } from '../engine/engine.ts';
import type { StreamSetting } from './free-streams.ts';
import type { PooledRequest, Seated } from './pooled-request.ts';
import type { PrefixCache } from './prefix-cache.ts';

/** Steps in a row, where nobody waits for what they give. */
const MOST_UNREAD = 32;

/** What makes a step: a stream, or a request that reads its prompt. */
interface Stepping {
  readonly slot: number;
  readonly token: number;
  readonly reader?: PooledRequest;
  readonly seated?: Seated;
}

export class SteppedStreams {
  readonly #setting: StreamSetting;
  readonly #cache: PrefixCache;
  /** float [room, V] by room, a power of two. */
  readonly #outputs = new Map<number, Tensor>();
  /** Log-probabilities [V] before anything was read. */
  readonly #uniform: FloatArray;

  constructor(setting: StreamSetting, cache: PrefixCache) {
    this.#setting = setting;
    this.#cache = cache;
    const V = setting.vocabularySize;
    this.#uniform = new Float64Array(V).fill(-Math.log(V));
  }

  /** Gives a request its state to begin with. It has its slots. */
  begin(owner: PooledRequest): void {
    const { prompt, onPrompt } = owner.request;
    const kept = onPrompt ? this.#cache.nothing : this.#cache.find(prompt);
    owner.kept = kept;
    owner.position = kept.length;
    owner.cachedTokens = kept.length;
    owner.row = this.#uniform;
    this.#copy(this.#cache.states, [kept.slot], this.#setting.states, owner.slots.slice(0, 1));
    if (prompt.length === 0) this.#end(owner, this.#uniform);
  }

  /**
   * Makes steps while there is time.
   *
   * @param time In milliseconds.
   */
  async advance(requests: readonly PooledRequest[], time: number): Promise<void> {
    const end = performance.now() + time;
    for (let unread = 0; ; ) {
      const stepping = requests.filter(({ isActive }) => isActive).flatMap((owner) => this.#next(owner));
      if (stepping.length === 0) return;
      const output = this.#step(stepping);
      this.#keepStates(stepping);
      const isLast = performance.now() >= end || ++unread === MOST_UNREAD;
      if (isLast || stepping.some(needsRow)) {
        this.#giveRows(stepping, (await this.#setting.engine.read(output)) as FloatArray);
        unread = 0;
      }
      if (isLast) return;
    }
  }

  release(): void {
    for (const output of this.#outputs.values()) this.#setting.engine.release(output);
    this.#outputs.clear();
  }

  /** What a request wants to read next. */
  #next(owner: PooledRequest): Stepping[] {
    if (!owner.isRead) return this.#nextOfPrompt(owner);
    const next: Stepping[] = [];
    for (const seated of owner.seated) {
      const { source } = seated.stream;
      if (typeof source !== 'function') continue;
      const token = owner.attempt(() => source(seated.row as FloatArray));
      if (token === undefined) return [];
      owner.deliver(seated, [token]);
      if (owner.seated.has(seated)) next.push({ slot: seated.slot, token, seated });
    }
    return owner.isEnded ? [] : next;
  }

  #nextOfPrompt(owner: PooledRequest): Stepping[] {
    const { prompt, onPrompt, streams } = owner.request;
    const { position, row } = owner;
    if (onPrompt) owner.attempt(() => onPrompt(position, row as FloatArray));
    if (owner.isEnded) return [];
    // What comes after the last token is of interest only to those who go on.
    if (position === prompt.length - 1 && streams.length === 0) {
      this.#end(owner, this.#uniform);
      return [];
    }
    return [{ slot: owner.slots[0] as number, token: prompt[position] as number, reader: owner }];
  }

  #step(stepping: readonly Stepping[]): Tensor {
    const { engine, weights, states } = this.#setting;
    const output = this.#output(stepping.length);
    engine.step({
      weights,
      states,
      slots: Int32Array.from(stepping, ({ slot }) => slot),
      tokens: Int32Array.from(stepping, ({ token }) => token),
      output,
    });
    for (const { reader } of stepping) if (reader) reader.position++;
    return output;
  }

  /** Copies the states of readers that are at a place that the cache keeps. */
  #keepStates(stepping: readonly Stepping[]): void {
    const from: number[] = [];
    const to: number[] = [];
    for (const { reader, slot } of stepping) {
      if (!reader?.kept || !this.#cache.wants(reader.request.prompt, reader.position)) continue;
      const kept = this.#cache.keep(reader.kept, reader.request.prompt, reader.position);
      reader.kept = kept?.beginning;
      if (!kept?.isNew) continue;
      from.push(slot);
      to.push(kept.beginning.slot);
    }
    this.#copy(this.#setting.states, from, this.#cache.states, to);
  }

  #giveRows(stepping: readonly Stepping[], rows: FloatArray): void {
    const V = this.#setting.vocabularySize;
    stepping.forEach(({ reader, seated }, n) => {
      const row = rows.subarray(n * V, (n + 1) * V);
      if (seated) seated.row = row;
      if (!reader) return;
      if (isRead(reader)) this.#end(reader, row.slice());
      else if (reader.request.onPrompt) reader.row = row;
    });
  }

  /** The prompt was read: its streams go on from its state, each in its slot. */
  #end(owner: PooledRequest, row: FloatArray): void {
    const { streams, onRead } = owner.request;
    const [first = 0, ...others] = owner.slots;
    const { states } = this.#setting;
    this.#copy(
      states,
      others.map(() => first),
      states,
      others,
    );
    owner.isRead = true;
    owner.row = undefined;
    owner.kept = undefined;
    streams.forEach((stream, index) => {
      owner.seated.add({ stream, slot: owner.slots[index] as number, owner, row });
    });
    if (streams.length === 0) owner.isEnded = true;
    const { cachedTokens } = owner;
    try {
      onRead?.({ cachedTokens });
    } catch (error) {
      owner.fail(error);
    }
  }

  #copy(from: readonly Tensor[], fromSlots: number[], to: readonly Tensor[], toSlots: number[]): void {
    if (fromSlots.length === 0) return;
    const { engine } = this.#setting;
    const [sources, targets] = [Int32Array.from(fromSlots), Int32Array.from(toSlots)];
    from.forEach((state, layer) => {
      engine.copySlots(state, sources, to[layer] as Tensor, targets);
    });
  }

  #output(count: number): Tensor {
    let room = 1;
    while (room < count) room *= 2;
    let output = this.#outputs.get(room);
    if (!output) {
      output = this.#setting.engine.tensor('float', [room, this.#setting.vocabularySize]);
      this.#outputs.set(room, output);
    }
    return output;
  }
}

const isRead = ({ position, request }: PooledRequest) => position === request.prompt.length;

/** Whether somebody waits for what comes next after the step. */
function needsRow({ reader }: Stepping): boolean {
  return !reader || isRead(reader) || reader.request.onPrompt !== undefined;
}
