/**
 * Computes how an iteration of training scales with the number of threads, where no machine with as many cores is at hand. Prints the rows
 * of a table in docs/benchmarks.md.
 *
 *     node --import tsx bench/threads.ts
 *
 * An LSTM of two layers with 50 rows and 50 steps. Measured with one thread on an Intel Xeon with AVX-512: the time of an iteration, of
 * which two thirds are steps, divided among the threads as by `part_of` in native/kernels/recurrent.h, and one third are gradients of the
 * weights, divided evenly; and the time of a step's products for each row, which is longer with few rows. Counted (bench/instructions.cpp):
 * how often threads wait for each other. Assumed: a thread that has a part of the units computes at 90% of the speed of many rows, because
 * its weights stay in its cache; a barrier takes 0.1 µs for each thread.
 */
interface Shape {
  readonly units: number;
  /** Milliseconds of an iteration with one thread. */
  readonly iteration: number;
  /** Microseconds of the products for each row, for 1, 2, 3, … rows; the last one for more. */
  readonly rowTimes: readonly number[];
}

const SHAPES: readonly Shape[] = [
  { units: 128, iteration: 15, rowTimes: [5.6, 4.3, 3.5, 3.2, 3, 3, 3, 3, 2.85] },
  { units: 512, iteration: 215, rowTimes: [440, 215, 145, 110, 99, 88, 77, 66, 61] },
];
const ROWS = 50;
const ROWS_OF_CREW = 8;
/** Waits of a crew, as test/engine/waits.test.ts counts them: one for each of 50 steps, forward and backward, in two layers. */
const CREW_WAITS = 200;
/** Waits of all threads in an iteration, also counted by that test. */
const BARRIERS = 18;
const BARRIER_TIME = 1e-4;
const CACHED_SPEED = 0.9;

/** Milliseconds of an iteration, if crews of `size` threads divide the rows. */
function timeOf({ units, iteration, rowTimes }: Shape, threads: number, size: number): number {
  const panels = units / 16;
  const rows = Math.ceil(ROWS / Math.floor(threads / size));
  const fastest = rowTimes.at(-1) as number;
  const rowTime =
    size === 1
      ? (rowTimes[Math.min(rows, rowTimes.length) - 1] as number)
      : ((fastest / CACHED_SPEED) * Math.ceil(panels / size)) / panels;
  const steps = ((2 / 3) * iteration * rows * rowTime) / (ROWS * fastest);
  const waits = BARRIER_TIME * (BARRIERS * threads + (size > 1 ? CREW_WAITS * size : 0));
  return steps + iteration / 3 / threads + waits;
}

for (const threads of [4, 8, 16, 32, 64]) {
  const cells = SHAPES.flatMap((shape) => {
    const size = Math.max(
      1,
      Math.min(Math.floor(threads / Math.floor(ROWS / ROWS_OF_CREW)), shape.units / 16),
    );
    return [1, size].map((one) => (shape.iteration / timeOf(shape, threads, one)).toPrecision(2));
  });
  console.log(`| ${[threads, ...cells].join(' | ')} |`);
}
