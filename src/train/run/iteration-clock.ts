/** Measures the wall time between the ends of iterations, without pauses. */
export class IterationClock {
  #last = performance.now();
  #paused = 0;
  #pauseStart = 0;

  lap(): number {
    const now = performance.now();
    const elapsed = now - this.#last - this.#paused;
    this.#last = now;
    this.#paused = 0;
    return elapsed;
  }

  pause(): void {
    this.#pauseStart = performance.now();
  }

  resume(): void {
    this.#paused += performance.now() - this.#pauseStart;
  }
}
