/** Random tensors and vectors for tests of engines. The same seed gives the same values on every engine. */
import type { Engine, Tensor, Vector } from '../../src/engine/engine.ts';
import type { Layout } from '../../src/engine/layout.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';

export class RandomValues {
  readonly #engine: Engine;
  readonly #generator: MersenneTwister;

  constructor(engine: Engine, seed: number) {
    this.#engine = engine;
    this.#generator = new MersenneTwister(seed);
  }

  numbers(count: number, range = 1): Float64Array {
    return Float64Array.from({ length: count }, () => (this.#generator.nextUniform() * 2 - 1) * range);
  }

  floats(shape: readonly number[], range = 1): Tensor {
    const tensor = this.#engine.tensor('float', shape);
    this.#engine.write(tensor, this.numbers(sizeOf(shape), range));
    return tensor;
  }

  integers(shape: readonly number[], below: number, type: 'int' | 'byte' = 'int'): Tensor {
    const tensor = this.#engine.tensor(type, shape);
    const values = Array.from({ length: sizeOf(shape) }, () => this.integer(below));
    this.#engine.write(tensor, values);
    return tensor;
  }

  /** A float tensor of zeros and ones, for use as a mask. */
  integersAsFloats(shape: readonly number[]): Tensor {
    const tensor = this.#engine.tensor('float', shape);
    this.#engine.write(
      tensor,
      Array.from({ length: sizeOf(shape) }, () => this.integer(2)),
    );
    return tensor;
  }

  integer(below: number): number {
    return Math.floor(this.#generator.nextUniform() * below);
  }

  vector(layout: Layout, range = 0.5): Vector {
    const vector = this.#engine.vector(layout);
    this.#engine.write(vector, this.numbers(vector.size, range));
    return vector;
  }
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}
