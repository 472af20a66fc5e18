/**
 * The cells in WGSL: the recurrent sums of a unit, and what a thread computes from them at one time step. The equations are those of
 * `reference/cells.ts`.
 *
 * All gates of a unit are one vector, and so are all recurrent weights between two units. Components:
 *
 * | cell              | gates, forward      | gates, backward              | weights |
 * |-------------------|---------------------|------------------------------|---------|
 * | lstm              | i f o g             | gradients of i f o g         | i f o g |
 * | gru, reset before | z r n –             | gradients of z r n           | z r n 0 |
 * | gru, reset after  | z r n, p = U h' + b | gradients of z r n p         | z r 0 n |
 * | rnn (one number)  | h                   | gradient of h                | h       |
 *
 * Gradients are with respect to the sums before the non-linearities. Before a forward step, `gates` has W x + the biases.
 */
import type { CellKind } from '../../cells.ts';

/** A sum over the recurrent weights, and what follows from it. A time step has one or two phases; the second needs the first of all units. */
export interface Phase {
  /** WGSL type of the sum. */
  readonly type: 'f32' | 'vec2<f32>' | 'vec4<f32>';
  /** The tensor that the sum reads, and its type. */
  readonly source: 'hidden' | 'candidate' | 'gates' | 'exchange';
  /** The sum with one more product added, from `value`, an element of the source, and `weight`. */
  readonly add: (sum: string) => string;
  /**
   * Statements that use `sum`. Known there: `at` and `next`, the indices of the unit at this step and the next; `place`, its index in a state;
   * forward, `kept`: the next step does not reset the state; backward, `dh`, and `incoming`, the carried gradients.
   */
  readonly apply: string;
}

export interface CellShader {
  /** WGSL type of the gates. */
  readonly type: 'f32' | 'vec4<f32>';
  /** Its number of components. */
  readonly width: 1 | 4;
  /** The components that the gates of `CELLS` have in the sums with the input and in those with the state. */
  readonly inputComponents: readonly number[];
  readonly recurrentComponents: readonly number[];
  /** The component of each gate in the packed recurrent weights. */
  readonly weightComponents: readonly number[];
  readonly forward: readonly Phase[];
  readonly backward: readonly Phase[];
  /** The state before each step that the backward pass reads. */
  readonly before: 'cells' | 'hidden' | undefined;
}

const STORE_HIDDEN = /* wgsl */ `
        output[p.output + at] = h;
        hidden[next] = select(0.0, h, kept);`;

const lstm: CellShader = {
  type: 'vec4<f32>',
  width: 4,
  inputComponents: [0, 1, 2, 3],
  recurrentComponents: [0, 1, 2, 3],
  weightComponents: [0, 1, 2, 3],
  before: 'cells',
  forward: [
    {
      type: 'vec4<f32>',
      source: 'hidden',
      add: (sum) => `fma(vec4(value), weight, ${sum})`,
      apply: /* wgsl */ `
        let total = gates[at] + sum;
        let gate = vec4(sigmoid_(total.x), sigmoid_(total.y), sigmoid_(total.z), tanh_(total.w));
        let c = gate.y * cells[at] + gate.x * gate.w;
        let h = gate.z * tanh_(c);
        gates[at] = gate;
        cells[next] = select(0.0, c, kept);${STORE_HIDDEN}`,
    },
  ],
  backward: [
    {
      type: 'f32',
      source: 'gates',
      add: (sum) => `${sum} + dot(value, weight)`,
      // c is computed again: in `cells` it is zero if the next step resets the state.
      apply: /* wgsl */ `
        let gate = gates[at];
        let previous = before[at];
        let t = tanh_(gate.y * previous + gate.x * gate.w);
        let dc = incoming.y + dh * gate.z * (1.0 - t * t);
        gates[at] = vec4(
          dc * gate.w * gate.x * (1.0 - gate.x),
          dc * previous * gate.y * (1.0 - gate.y),
          dh * t * gate.z * (1.0 - gate.z),
          dc * gate.x * (1.0 - gate.w * gate.w),
        );
        carried[place] = vec2(0.0, dc * gate.y);`,
    },
  ],
};

const rnn: CellShader = {
  type: 'f32',
  width: 1,
  inputComponents: [0],
  recurrentComponents: [0],
  weightComponents: [0],
  before: undefined,
  forward: [
    {
      type: 'f32',
      source: 'hidden',
      add: (sum) => `fma(value, weight, ${sum})`,
      apply: /* wgsl */ `
        let h = tanh_(gates[at] + sum);
        gates[at] = h;${STORE_HIDDEN}`,
    },
  ],
  backward: [
    {
      type: 'f32',
      source: 'gates',
      add: (sum) => `fma(value, weight, ${sum})`,
      apply: /* wgsl */ `
        let h = gates[at];
        gates[at] = dh * (1.0 - h * h);
        carried[place] = vec2<f32>();`,
    },
  ],
};

const gruAfter: CellShader = {
  type: 'vec4<f32>',
  width: 4,
  inputComponents: [0, 1, 2],
  recurrentComponents: [0, 1, 3],
  weightComponents: [0, 1, 3],
  before: 'hidden',
  forward: [
    {
      type: 'vec4<f32>',
      source: 'hidden',
      add: (sum) => `fma(vec4(value), weight, ${sum})`,
      // The last row of `packed` is bias_hh of n.
      apply: /* wgsl */ `
        let total = vec4(gates[at].xyz, weights(H * H + unit).w) + sum;
        let z = sigmoid_(total.x);
        let r = sigmoid_(total.y);
        let n = tanh_(total.z + r * total.w);
        let h = z * n + (1.0 - z) * hidden[at];
        gates[at] = vec4(z, r, n, total.w);${STORE_HIDDEN}`,
    },
  ],
  backward: [
    {
      type: 'f32',
      source: 'gates',
      add: (sum) => `${sum} + dot(value, weight)`,
      apply: /* wgsl */ `
        let gate = gates[at];
        let dz = dh * (gate.z - before[at]) * gate.x * (1.0 - gate.x);
        let dn = dh * gate.x * (1.0 - gate.z * gate.z);
        gates[at] = vec4(dz, dn * gate.w * gate.y * (1.0 - gate.y), dn, dn * gate.y);
        carried[place] = vec2(dh * (1.0 - gate.x), 0.0);`,
    },
  ],
};

const gruBefore: CellShader = {
  type: 'vec4<f32>',
  width: 4,
  inputComponents: [0, 1, 2],
  recurrentComponents: [0, 1],
  weightComponents: [0, 1, 2],
  before: 'hidden',
  forward: [
    {
      type: 'vec2<f32>',
      source: 'hidden',
      add: (sum) => `fma(vec2(value), weight.xy, ${sum})`,
      apply: /* wgsl */ `
        let gate = gates[at];
        let r = sigmoid_(gate.y + sum.y);
        gates[at] = vec4(sigmoid_(gate.x + sum.x), r, gate.z, 0.0);
        candidate[at] = r * hidden[at];`,
    },
    {
      type: 'f32',
      source: 'candidate',
      add: (sum) => `fma(value, weight.z, ${sum})`,
      apply: /* wgsl */ `
        let gate = gates[at];
        let n = tanh_(gate.z + sum);
        let h = gate.x * n + (1.0 - gate.x) * hidden[at];
        gates[at] = vec4(gate.xy, n, 0.0);${STORE_HIDDEN}`,
    },
  ],
  backward: [
    {
      type: 'f32',
      source: 'gates',
      add: (sum) => `${sum} + dot(value.xy, weight.xy)`,
      apply: /* wgsl */ `
        let gate = gates[at];
        let dz = dh * (gate.z - before[at]) * gate.x * (1.0 - gate.x);
        let dn = dh * gate.x * (1.0 - gate.z * gate.z);
        gates[at] = vec4(dz, gate.y, dn, 0.0);
        exchange[place] = dn;
        carried[place] = vec2(dh * (1.0 - gate.x), 0.0);`,
    },
    {
      type: 'f32',
      source: 'exchange',
      add: (sum) => `fma(value, weight.z, ${sum})`,
      apply: /* wgsl */ `
        let gate = gates[at];
        gates[at] = vec4(gate.x, sum * before[at] * gate.y * (1.0 - gate.y), gate.z, 0.0);
        carried[place] = vec2(carried[place].x + sum * gate.y, 0.0);`,
    },
  ],
};

/** The shader parts of a cell. */
export function cellShader({ cell, reset }: CellKind): CellShader {
  if (cell === 'lstm') return lstm;
  if (cell === 'rnn') return rnn;
  return reset === 'after' ? gruAfter : gruBefore;
}
