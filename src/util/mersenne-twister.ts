/**
 * The Mersenne Twister MT19937, seeded as the original's `torch.manualSeed` does.
 *
 * Source: Matsumoto & Nishimura 1998, `init_genrand` of the 2002 revision. Each uniform number u uses one 32-bit output: u = u32 / 2³².
 */
const N = 624;
const M = 397;

export class MersenneTwister {
  /** Length of the array that `save` returns: the words and the index. */
  static readonly SAVED_WORDS = N + 1;
  readonly #state = new Uint32Array(N);
  #index = N;

  /** @param seed Taken modulo 2³². */
  constructor(seed: number) {
    const state = this.#state;
    state[0] = seed >>> 0;
    for (let i = 1; i < N; i++) {
      const previous = state[i - 1] as number;
      state[i] = Math.imul(1812433253, previous ^ (previous >>> 30)) + i;
    }
  }

  /** The next 32 random bits, as an unsigned integer. */
  nextUint32(): number {
    if (this.#index >= N) this.#refill();
    let y = this.#state[this.#index++] as number;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    y ^= y >>> 18;
    return y >>> 0;
  }

  /** A number uniform in [0, 1), a multiple of 2⁻³². */
  nextUniform(): number {
    return this.nextUint32() / 0x1_0000_0000;
  }

  /** Discards `count` outputs. */
  skip(count: number): void {
    for (let i = 0; i < count; i++) this.nextUint32();
  }

  /** The generator's words and index, for `restore`. */
  save(): number[] {
    return [...this.#state, this.#index];
  }

  /** A generator that continues where `save` was called. */
  static restore(saved: readonly number[]): MersenneTwister {
    const valid =
      saved.length === MersenneTwister.SAVED_WORDS &&
      saved.every((word) => Number.isInteger(word) && word >= 0 && word < 2 ** 32) &&
      (saved[N] as number) <= N;
    if (!valid) throw new RangeError(`a saved generator has ${N} 32-bit words and an index up to ${N}`);
    const generator = new MersenneTwister(0);
    generator.#state.set(saved.slice(0, N));
    generator.#index = saved[N] as number;
    return generator;
  }

  #refill(): void {
    const state = this.#state;
    for (let i = 0; i < N; i++) {
      const y = ((state[i] as number) & 0x80000000) | ((state[(i + 1) % N] as number) & 0x7fffffff);
      const shifted = (state[(i + M) % N] as number) ^ (y >>> 1);
      state[i] = y & 1 ? shifted ^ 0x9908b0df : shifted;
    }
    this.#index = 0;
  }
}
