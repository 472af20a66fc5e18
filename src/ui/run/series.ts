/** Values of a run by iteration, in columns that grow. */

const FIRST_ROWS = 64;

/** Rows in ascending order of iterations, with one float for each name. A number that is missing is NaN. */
export class Series<Name extends string> {
  readonly #names: readonly Name[];
  #columns: Float32Array<ArrayBuffer>[];
  #iterations = new Uint32Array(FIRST_ROWS);
  #length = 0;

  constructor(names: readonly Name[]) {
    this.#names = names;
    this.#columns = names.map(() => new Float32Array(FIRST_ROWS));
  }

  get length(): number {
    return this.#length;
  }

  /** Bytes in memory. */
  get bytes(): number {
    return 4 * this.#iterations.length * (1 + this.#names.length);
  }

  /** The iteration of each row; a view that is valid until the next change. */
  get iterations(): Uint32Array {
    return this.#iterations.subarray(0, this.#length);
  }

  /** The values of each row; a view that is valid until the next change. */
  column(name: Name): Float32Array {
    const column = this.#columns[this.#names.indexOf(name)] ?? new Float32Array();
    return column.subarray(0, this.#length);
  }

  /** Adds a row after the last one. @param values In the order of the names. */
  add(iteration: number, values: readonly number[]): void {
    if (this.#length === this.#iterations.length) this.#grow();
    this.#iterations[this.#length] = iteration;
    for (let index = 0; index < this.#columns.length; index++) {
      const column = this.#columns[index] as Float32Array;
      column[this.#length] = values[index] as number;
    }
    this.#length++;
  }

  /** Removes the rows of later iterations. */
  cutAfter(iteration: number): void {
    while (this.#length > 0 && (this.#iterations[this.#length - 1] as number) > iteration) this.#length--;
  }

  #grow(): void {
    const iterations = new Uint32Array(2 * this.#length);
    iterations.set(this.#iterations);
    this.#iterations = iterations;
    this.#columns = this.#columns.map((column) => {
      const larger = new Float32Array(2 * this.#length);
      larger.set(column);
      return larger;
    });
  }
}
