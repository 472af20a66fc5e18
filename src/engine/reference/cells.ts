/**
 * One time step of each cell, for B rows, forward and backward. Arrays are [B, …] slices of a trace, given by offsets.
 *
 * Before a forward step, `gates` holds W x + both biases; after it, the gates after their non-linearities. A backward step replaces these by
 * the gradients of the sums before the non-linearities. `recurrent.ts` runs the steps, and has the gradients of the weights.
 */
import type { FloatArray } from '../engine.ts';
import type { RecurrentModule } from '../layout.ts';
import type { Trace } from './handles.ts';
import { multiplyAdd } from './multiply.ts';
import type { WeightMatrix } from './weight-matrix.ts';

/** What all steps of a call share. */
export interface StepContext {
  readonly module: RecurrentModule;
  readonly rows: number;
  readonly trace: Trace;
  /** weight_hh [G·H, H]. */
  readonly recurrent: WeightMatrix;
  /** Its transpose [H, G·H]; only for the backward pass. */
  readonly recurrentTransposed: FloatArray;
  /** bias_hh [G·H]; only for a gru with its reset after the product. */
  readonly recurrentBias: FloatArray;
  /** h of every step, [T, B, H]. */
  readonly output: FloatArray;
  /**
   * [B, H]: gradients with respect to h and, for lstm, c. A backward step replaces those of the state after the step by those of the state
   * before it.
   */
  readonly hiddenGradient: FloatArray;
  readonly cellGradient: FloatArray;
  /** [B, H]. */
  readonly scratch: FloatArray;
}

export interface CellSteps {
  forward(context: StepContext, step: number): void;
  backward(context: StepContext, step: number): void;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** i f o = σ, g = tanh; c = f·c' + i·g; h = o·tanh(c). */
const lstm: CellSteps = {
  forward({ module, rows, trace, recurrent, output }, step) {
    const H = module.hiddenSize;
    const first = step * rows;
    addRecurrent(trace.previous, recurrent, trace.gates, first, rows, H, 4 * H, 0, 4 * H);
    for (let row = first; row < first + rows; row++) {
      for (let j = 0, at = row * H, gate = row * 4 * H; j < H; j++, at++, gate++) {
        const i = sigmoid(trace.gates[gate]!);
        const f = sigmoid(trace.gates[gate + H]!);
        const o = sigmoid(trace.gates[gate + 2 * H]!);
        const g = Math.tanh(trace.gates[gate + 3 * H]!);
        trace.gates[gate] = i;
        trace.gates[gate + H] = f;
        trace.gates[gate + 2 * H] = o;
        trace.gates[gate + 3 * H] = g;
        trace.cells[at] = f * trace.previousCells[at]! + i * g;
        output[at] = o * Math.tanh(trace.cells[at]!);
      }
    }
  },

  // With t = tanh(c), d = dh and dc += d·o·(1 − t²): di = dc·g·i·(1 − i), df = dc·c'·f·(1 − f), do = d·t·o·(1 − o), dg = dc·i·(1 − g²);
  // dc' = dc·f, dh' = Uᵀ·(di, df, do, dg).
  backward({ module, rows, trace, recurrentTransposed, hiddenGradient, cellGradient }, step) {
    const H = module.hiddenSize;
    const first = step * rows;
    for (let row = 0; row < rows; row++) {
      for (let j = 0, at = (first + row) * H, gate = (first + row) * 4 * H; j < H; j++, at++, gate++) {
        const i = trace.gates[gate]!;
        const f = trace.gates[gate + H]!;
        const o = trace.gates[gate + 2 * H]!;
        const g = trace.gates[gate + 3 * H]!;
        const t = Math.tanh(trace.cells[at]!);
        const dh = hiddenGradient[row * H + j]!;
        const dc = cellGradient[row * H + j]! + dh * o * (1 - t * t);
        trace.gates[gate] = dc * g * i * (1 - i);
        trace.gates[gate + H] = dc * trace.previousCells[at]! * f * (1 - f);
        trace.gates[gate + 2 * H] = dh * t * o * (1 - o);
        trace.gates[gate + 3 * H] = dc * i * (1 - g * g);
        cellGradient[row * H + j] = dc * f;
      }
    }
    hiddenGradient.fill(0);
    passBack(trace.gates, recurrentTransposed, hiddenGradient, first, rows, H, 4 * H, 0, 4 * H);
  },
};

/** h = tanh(W x + U h'). */
const rnn: CellSteps = {
  forward({ module, rows, trace, recurrent, output }, step) {
    const H = module.hiddenSize;
    const first = step * rows;
    addRecurrent(trace.previous, recurrent, trace.gates, first, rows, H, H, 0, H);
    for (let at = first * H; at < (first + rows) * H; at++) {
      output[at] = trace.gates[at] = Math.tanh(trace.gates[at]!);
    }
  },

  // d sum = dh·(1 − h²), dh' = Uᵀ·d sum.
  backward({ module, rows, trace, recurrentTransposed, hiddenGradient }, step) {
    const H = module.hiddenSize;
    const first = step * rows;
    for (let i = 0, at = first * H; i < rows * H; i++, at++) {
      const h = trace.gates[at]!;
      trace.gates[at] = hiddenGradient[i]! * (1 - h * h);
    }
    hiddenGradient.fill(0);
    passBack(trace.gates, recurrentTransposed, hiddenGradient, first, rows, H, H, 0, H);
  },
};

/**
 * z r = σ(W x + U h'); h = z·n + (1−z)·h', and the candidate
 * n = tanh(W x + U (r·h')) with the reset before the product (the original; Cho et al. 2014), or
 * n = tanh(W x + r·(U h' + b)) with it after.
 */
const gru: CellSteps = {
  forward({ module, rows, trace, recurrent, recurrentBias, output, scratch }, step) {
    const H = module.hiddenSize;
    const first = step * rows;
    const { gates, previous, candidate } = trace;
    addRecurrent(previous, recurrent, gates, first, rows, H, 3 * H, 0, 2 * H);
    for (let row = first; row < first + rows; row++) {
      for (let j = 0, gate = row * 3 * H; j < 2 * H; j++, gate++) gates[gate] = sigmoid(gates[gate]!);
    }
    if (module.reset === 'after') {
      const product = { data: scratch };
      for (let row = 0; row < rows; row++) {
        for (let j = 0; j < H; j++) scratch[row * H + j] = recurrentBias[2 * H + j]!;
      }
      recurrent.multiplyAdd({ data: previous, offset: first * H }, product, rows, H, 2 * H);
      for (let row = first; row < first + rows; row++) {
        for (let j = 0, at = row * H, gate = row * 3 * H; j < H; j++, at++, gate++) {
          candidate[at] = scratch[at - first * H]!;
          gates[gate + 2 * H] = gates[gate + 2 * H]! + gates[gate + H]! * candidate[at]!;
        }
      }
    } else {
      for (let row = first; row < first + rows; row++) {
        for (let j = 0, at = row * H; j < H; j++, at++) {
          candidate[at] = gates[row * 3 * H + H + j]! * previous[at]!;
        }
      }
      addRecurrent(candidate, recurrent, gates, first, rows, H, 3 * H, 2 * H, H);
    }
    for (let row = first; row < first + rows; row++) {
      for (let j = 0, at = row * H, gate = row * 3 * H; j < H; j++, at++, gate++) {
        const z = gates[gate]!;
        const n = Math.tanh(gates[gate + 2 * H]!);
        gates[gate + 2 * H] = n;
        output[at] = z * n + (1 - z) * previous[at]!;
      }
    }
  },

  // With d = dh: dn = d·z·(1 − n²), dz = d·(n − h')·z·(1 − z), dh' = d·(1 − z).
  // Reset after the product, with p = U h' + b: dr = dn·p·r·(1 − r), dp = dn·r, dh' += Uᵀ·dp.
  // Reset before it, with e = Uᵀ·dn: dr = e·h'·r·(1 − r), dh' += e·r. Then dh' += Uᵀ·(dz, dr).
  backward({ module, rows, trace, recurrentTransposed, hiddenGradient, scratch }, step) {
    const H = module.hiddenSize;
    const first = step * rows;
    const { gates, previous, candidate } = trace;
    const after = module.reset === 'after';

    // The candidate first: the gradient of r follows from that of its recurrent product.
    for (let row = 0; row < rows; row++) {
      for (let j = 0, at = (first + row) * H, gate = (first + row) * 3 * H; j < H; j++, at++, gate++) {
        const dh = hiddenGradient[row * H + j]!;
        const z = gates[gate]!;
        const n = gates[gate + 2 * H]!;
        gates[gate] = dh * (n - previous[at]!) * z * (1 - z);
        gates[gate + 2 * H] = dh * z * (1 - n * n);
        hiddenGradient[row * H + j] = dh * (1 - z);
      }
    }
    if (after) {
      for (let row = 0; row < rows; row++) {
        for (let j = 0, at = (first + row) * H, gate = (first + row) * 3 * H; j < H; j++, at++, gate++) {
          const r = gates[gate + H]!;
          const dn = gates[gate + 2 * H]!;
          gates[gate + H] = dn * candidate[at]! * r * (1 - r);
          // From here on, `candidate` holds the gradient of U h' + b.
          candidate[at] = dn * r;
        }
      }
      passBack(candidate, recurrentTransposed, hiddenGradient, first, rows, H, H, 0, H, 2 * H);
    } else {
      scratch.fill(0);
      passBack(gates, recurrentTransposed, scratch, first, rows, H, 3 * H, 2 * H, H);
      for (let row = 0; row < rows; row++) {
        for (let j = 0, at = (first + row) * H, gate = (first + row) * 3 * H; j < H; j++, at++, gate++) {
          const r = gates[gate + H]!;
          const d = scratch[row * H + j]!;
          gates[gate + H] = d * previous[at]! * r * (1 - r);
          hiddenGradient[row * H + j] = hiddenGradient[row * H + j]! + d * r;
        }
      }
    }
    passBack(gates, recurrentTransposed, hiddenGradient, first, rows, H, 3 * H, 0, 2 * H);
  },
};

export const cellSteps: Record<RecurrentModule['cell'], CellSteps> = { lstm, gru, rnn };

/** gates[row, from … from + n] += h'[row] · weight_hh[from … from + n]ᵀ for the rows of one step. */
function addRecurrent(
  hidden: FloatArray,
  recurrent: WeightMatrix,
  gates: FloatArray,
  first: number,
  rows: number,
  H: number,
  width: number,
  from: number,
  n: number,
) {
  const out = { data: gates, offset: first * width + from, stride: width };
  recurrent.multiplyAdd({ data: hidden, offset: first * H }, out, rows, n, from);
}

/** into[row] += dGates[row, from … from + n] · weight_hh[from … from + n], by the transposed weights [H, G·H]. */
function passBack(
  gradient: FloatArray,
  transposed: FloatArray,
  into: FloatArray,
  first: number,
  rows: number,
  H: number,
  width: number,
  from: number,
  n: number,
  weightsFrom = from,
) {
  const all = transposed.length / H;
  const left = { data: gradient, offset: first * width + from, stride: width };
  multiplyAdd(left, { data: transposed, offset: weightsFrom, stride: all }, { data: into }, rows, H, n);
}
