/** Streams that the engine takes through several steps by itself, each by its own controls. */
import type { Engine, FloatArray, Tensor, Vector } from '../engine/engine.ts';
import { floats } from '../engine/precision.ts';
import { rowDraw } from '../sample/row-draw.ts';
import type { Seated } from './pooled-request.ts';
import type { Drawn } from './pooled-stream.ts';

/** What the streams of a model have in common. */
export interface StreamSetting {
  readonly engine: Engine;
  readonly weights: Vector;
  readonly states: readonly Tensor[];
  readonly vocabularySize: number;
}

/** Steps that the engine makes by itself at most. */
const MOST_STEPS = 64;

export class FreeStreams {
  readonly #setting: StreamSetting;
  /** In the order of the rows of `#output`. */
  #members: readonly Seated[] = [];
  /** float [room, V]: log-probabilities of each member's next token. */
  #output: Tensor | undefined;
  #room = 0;
  /** Milliseconds that a step takes, as it was lately. */
  #stepTime = 0.5;

  constructor(setting: StreamSetting) {
    this.#setting = setting;
  }

  /**
   * Takes the streams through as many steps as there is time for, at least one.
   *
   * @param members Those of the last time keep their rows, others bring theirs.
   * @param time In milliseconds.
   * @returns The tokens of each, in the order of `members`.
   */
  async advance(members: readonly Seated[], time: number): Promise<Int32Array[]> {
    await this.#seat(members);
    if (members.length === 0) return [];
    const { engine, weights, states } = this.#setting;
    const N = members.length;
    const wanted = members.reduce((most, { stream }) => Math.max(most, stream.left), 1);
    const steps = Math.max(1, Math.min(MOST_STEPS, wanted, Math.floor(time / this.#stepTime)));
    const start = performance.now();
    const drawn = await engine.generate({
      weights,
      states,
      slots: Int32Array.from(members, ({ slot }) => slot),
      output: this.#output as Tensor,
      uniforms: this.#uniforms(steps),
      rows: members.map(({ stream }) => rowDraw(stream.source as Drawn, steps)),
    });
    this.#stepTime += ((performance.now() - start) / steps - this.#stepTime) / 4;
    return members.map((_, n) => {
      const own = new Int32Array(steps);
      for (let step = 0; step < steps; step++) own[step] = drawn[step * N + n] as number;
      return own;
    });
  }

  release(): void {
    const { engine } = this.#setting;
    if (this.#output) engine.release(this.#output);
    this.#output = undefined;
    this.#room = 0;
  }

  #uniforms(steps: number): Float64Array {
    const N = this.#members.length;
    const uniforms = new Float64Array(steps * N);
    this.#members.forEach(({ stream }, n) => {
      const { generator, controls } = stream.source as Drawn;
      // A greedy step costs no random number.
      if (controls.temperature === 0) return;
      for (let step = 0; step < steps; step++) uniforms[step * N + n] = generator.nextUniform();
    });
    return uniforms;
  }

  /** Puts the members' rows into `#output`, in their order; those that leave take theirs along, unless they have ended. */
  async #seat(members: readonly Seated[]): Promise<void> {
    const before = this.#members;
    if (members.length === before.length && members.every((member, n) => member === before[n])) return;
    const { engine, vocabularySize: V } = this.#setting;
    if (before.length > 0) {
      const rows = (await engine.read(this.#output as Tensor)) as FloatArray;
      before.forEach((member, n) => {
        member.row = rows.subarray(n * V, (n + 1) * V);
      });
    }
    if (members.length > 0) this.#makeRoom(members.length);
    this.#members = members;
    const size = members.length * V;
    const seated = floats(engine.description.precision, size);
    members.forEach((member, n) => {
      seated.set(member.row as FloatArray, n * V);
      member.row = undefined;
    });
    // A row of its own, so that one that pauses does not keep those of all others.
    for (const member of before) if (member.owner.isPaused) member.row = member.row?.slice();
    if (size > 0) engine.write(this.#output as Tensor, seated);
  }

  #makeRoom(count: number): void {
    const { engine, vocabularySize } = this.#setting;
    if (count <= this.#room && count * 4 >= this.#room) return;
    this.release();
    let room = 1;
    while (room < count) room *= 2;
    this.#output = engine.tensor('float', [room, vocabularySize]);
    this.#room = room;
  }
}
