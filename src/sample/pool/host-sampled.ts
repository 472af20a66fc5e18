/**
 * The sequences whose tokens are chosen in JavaScript, and the prompts whose predictions are wanted. They advance one token at a time. Those
 * that hold the same units are in one batch.
 */
import type { FloatArray, HeldUnit } from '../../engine/engine.ts';
import { groupBy } from '../../util/group-by.ts';
import type { ActiveRequest, ActiveSequence } from './active-request.ts';
import { BatchOutputs, type PoolEngine } from './pool-engine.ts';
import { beginSequences } from './prompt-reader.ts';

/** The next token to read, for a sequence or for a request that reads its prompt. */
interface Stepping {
  readonly slot: number;
  readonly token: number;
  readonly hold: readonly HeldUnit[] | undefined;
  readonly reader?: ActiveRequest;
  readonly active?: ActiveSequence;
}

export class HostSampledBatch {
  readonly #pool: PoolEngine;
  readonly #outputs: BatchOutputs;

  constructor(pool: PoolEngine) {
    this.#pool = pool;
    this.#outputs = new BatchOutputs(pool);
  }

  /**
   * Makes steps until the time is over.
   *
   * @param time In milliseconds.
   */
  async advance(requests: readonly ActiveRequest[], time: number): Promise<void> {
    const end = performance.now() + time;
    do {
      const stepping = requests.filter(({ isActive }) => isActive).flatMap((request) => this.#next(request));
      if (stepping.length === 0) return;
      for (const [hold, together] of groupBy(stepping, ({ hold }) => hold)) await this.#step(together, hold);
    } while (performance.now() < end);
  }

  async #step(stepping: readonly Stepping[], hold: readonly HeldUnit[] | undefined): Promise<void> {
    const { engine, weights, slots, vocabularySize: V } = this.#pool;
    const output = this.#outputs.for(stepping.length);
    engine.step({
      weights,
      states: slots.states,
      slots: Int32Array.from(stepping, ({ slot }) => slot),
      tokens: Int32Array.from(stepping, ({ token }) => token),
      output,
      hold,
    });
    const rows = (await engine.read(output, { offset: 0, count: stepping.length * V })) as FloatArray;
    stepping.forEach(({ reader, active }, n) => {
      const row = rows.subarray(n * V, (n + 1) * V);
      if (active) active.row = row;
      if (!reader) return;
      reader.position++;
      reader.row = row;
      if (reader.position === reader.request.prompt.length) beginSequences(reader, this.#pool);
    });
  }

  release(): void {
    this.#outputs.release();
  }

  /** The next tokens that a request has to read. */
  #next(request: ActiveRequest): Stepping[] {
    if (!request.isRead) return this.#nextOfPrompt(request);
    const next: Stepping[] = [];
    const { hold } = request.request;
    for (const active of request.sequences) {
      const { sampling } = active.sequence;
      if (typeof sampling !== 'function') continue;
      const token = request.attempt(() => sampling(active.row as FloatArray));
      if (token === undefined) return [];
      request.deliver(active, [token]);
      if (request.sequences.has(active)) next.push({ slot: active.slot, token, hold, active });
    }
    return request.isEnded ? [] : next;
  }

  #nextOfPrompt(request: ActiveRequest): Stepping[] {
    const { prompt, onPrompt, sequences, promptHold } = request.request;
    const { position, row } = request;
    if (request.isReadingHead) return [];
    if (position === prompt.length) {
      beginSequences(request, this.#pool);
      return [];
    }
    request.attempt(() => onPrompt?.(position, row as FloatArray));
    if (request.isEnded) return [];
    // Without sequences, the prediction after the last token is not needed.
    if (position === prompt.length - 1 && sequences.length === 0) {
      beginSequences(request, this.#pool);
      return [];
    }
    const token = prompt[position] as number;
    return [{ slot: request.slots[0] as number, token, hold: promptHold, reader: request }];
  }
}
