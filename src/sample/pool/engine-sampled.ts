/** A batch of sequences that the engine samples, many steps per call. All hold the same units and draw in the same place; each has its own controls. */
import type { DrawPlace, FloatArray, HeldUnit, RowDraw, Tensor } from '../../engine/engine.ts';
import { floats } from '../../engine/precision.ts';
import type { ActiveSequence } from './active-request.ts';
import { BatchOutputs, type PoolEngine } from './pool-engine.ts';
import type { EngineSampling } from './request.ts';

/** Maximum steps of a call while one of its texts is short, and of every call on a device. */
const FIRST_STEPS = 64;
/** Maximum steps of any call. Fewer calls are faster: each costs about 0.2 ms besides its steps. */
const MAX_STEPS = 512;

export class EngineSampledBatch {
  readonly #pool: PoolEngine;
  readonly #hold: readonly HeldUnit[] | undefined;
  readonly #draws: DrawPlace;
  readonly #outputs: BatchOutputs;
  /** The sequences of the last call, in the order of the rows of `#output`. */
  #members: readonly ActiveSequence[] = [];
  /** float [at least N, V]: log-probabilities of each member's next token. */
  #output: Tensor | undefined;
  /** A running average of the milliseconds of a step; undefined before the first call. */
  #stepTime: number | undefined;

  /** @param hold Units to hold. */
  constructor(pool: PoolEngine, hold: readonly HeldUnit[] | undefined, draws: DrawPlace) {
    this.#pool = pool;
    this.#hold = hold;
    this.#draws = draws;
    this.#outputs = new BatchOutputs(pool);
  }

  /**
   * Samples as many steps of all sequences as the time allows, but at least one, and delivers the tokens.
   *
   * @param members The predictions of sequences from the last call are in `#output`; the others have theirs in `row`.
   * @param time In milliseconds.
   */
  async advance(members: readonly ActiveSequence[], time: number): Promise<void> {
    if (members.length === 0) return;
    await this.#arrange(members);
    const { engine, weights, slots } = this.#pool;
    const N = members.length;
    const wanted = members.reduce((max, { sequence }) => Math.max(max, sequence.left), 1);
    const affordable = this.#stepTime === undefined ? 1 : Math.floor(time / this.#stepTime);
    const steps = Math.max(1, Math.min(this.#mostSteps(members), wanted, affordable));
    const start = performance.now();
    const drawn = await engine.generate({
      weights,
      states: slots.states,
      slots: Int32Array.from(members, ({ slot }) => slot),
      output: this.#output as Tensor,
      uniforms: this.#uniforms(steps),
      hold: this.#hold,
      draws: this.#draws,
      rows: members.map(({ sequence }) => rowDraw(sequence.sampling as EngineSampling, steps)),
    });
    const stepTime = (performance.now() - start) / steps;
    this.#stepTime = this.#stepTime === undefined ? stepTime : (3 * this.#stepTime + stepTime) / 4;
    members.forEach((member, n) => {
      const own = new Int32Array(steps);
      for (let step = 0; step < steps; step++) own[step] = drawn[step * N + n] as number;
      member.request.deliver(member, own);
    });
  }

  release(): void {
    this.#outputs.release();
  }

  /** As many as the shortest text has tokens, within limits, so that a text that ends during a call wastes little work. */
  #mostSteps(members: readonly ActiveSequence[]): number {
    if (this.#draws === 'device') return FIRST_STEPS;
    const shortest = members.reduce((min, { sequence }) => Math.min(min, sequence.length), MAX_STEPS);
    return Math.max(FIRST_STEPS, shortest);
  }

  /** A random number for each step and sequence, in the order of `Generate.uniforms`. */
  #uniforms(steps: number): Float64Array {
    const N = this.#members.length;
    const uniforms = new Float64Array(steps * N);
    this.#members.forEach(({ sequence }, n) => {
      const { generator, controls } = sequence.sampling as EngineSampling;
      // Greedy steps use no random numbers.
      if (controls.temperature === 0) return;
      for (let step = 0; step < steps; step++) uniforms[step * N + n] = generator.nextUniform();
    });
    return uniforms;
  }

  /** Writes the members' predictions into `#output`, in their order. A paused sequence keeps its prediction in `row`. */
  async #arrange(members: readonly ActiveSequence[]): Promise<void> {
    const before = this.#members;
    if (members.length === before.length && members.every((member, n) => member === before[n])) return;
    const { engine, vocabularySize: V } = this.#pool;
    const unfinished = before.filter(({ request }) => !request.isEnded);
    if (unfinished.length > 0) {
      const rows = (await engine.read(this.#output as Tensor, {
        offset: 0,
        count: before.length * V,
      })) as FloatArray;
      before.forEach((member, n) => {
        member.row = rows.subarray(n * V, (n + 1) * V);
      });
    }
    this.#members = members;
    this.#output = this.#outputs.for(members.length);
    const values = floats(engine.description.precision, members.length * V);
    members.forEach((member, n) => {
      values.set(member.row as FloatArray, n * V);
      member.row = undefined;
    });
    // Copies the row: a view would keep the rows of all other sequences in memory while this one pauses.
    for (const member of unfinished) member.row = member.row?.slice();
    engine.write(this.#output, values);
  }
}

/** How a row draws, in the engine's form. @param steps Tokens that one call draws. */
function rowDraw({ controls, recent }: EngineSampling, steps: number): RowDraw {
  if (!recent) return { controls };
  const length = controls.penaltyWindow;
  const expiring = Int32Array.from({ length: Math.min(steps, length) }, (_, step) => recent.expiring(step));
  return { controls, window: { counts: recent.counts, length, expiring } };
}
