/** A naive implementation of a recurrent layer, straight from its equations, to compare engines with. */
import { stateParts } from '../../src/engine/cells.ts';
import type { HeldUnit } from '../../src/engine/engine.ts';
import { parameterSlices, type RecurrentModule } from '../../src/engine/layout.ts';

export interface NaiveInput {
  readonly module: RecurrentModule;
  /** The module's parameters in canonical order. */
  readonly parameters: ArrayLike<number>;
  readonly steps: number;
  readonly rows: number;
  /** [T, B] tokens or [T, B, D] numbers. */
  readonly input: ArrayLike<number>;
  /** [S, B, H]. */
  readonly initial: ArrayLike<number>;
  readonly resets?: ArrayLike<number> | undefined;
  /** Units to hold at a value. */
  readonly held?: readonly Omit<HeldUnit, 'layer'>[] | undefined;
  /** Changes the hidden vectors that are multiplied by weights. Default: they stay as they are. */
  readonly roundHidden?: ((hidden: readonly number[]) => readonly number[]) | undefined;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** h of every step, [T, B, H], and the final state, [S, B, H]. */
export function naiveRecurrent(call: NaiveInput): { output: number[]; final: number[] } {
  const { module, parameters, steps, rows, roundHidden = (hidden) => hidden } = call;
  const { hiddenSize: H, inputSize: D } = module;
  const [wi, bi, wh, bh] = parameterSlices([module]).map((slice) => slice.offset) as [
    number,
    number,
    number,
    number,
  ];
  const at = (index: number) => parameters[index] as number;
  const output = new Array<number>(steps * rows * H).fill(0);
  const parts = stateParts(module.cell);
  const final = Array.from(call.initial);
  const hold = (part: 'h' | 'c', values: number[]) => {
    for (const held of call.held ?? []) if (held.part === part) values[held.unit] = held.value;
  };
  for (let b = 0; b < rows; b++) {
    const part = (index: number) => final.slice((index * rows + b) * H, (index * rows + b + 1) * H);
    let c = parts === 2 ? part(0) : [];
    let h = part(parts - 1);
    for (let t = 0; t < steps; t++) {
      if (call.resets?.[t * rows + b]) {
        c = c.map(() => 0);
        h = h.map(() => 0);
      }
      /** Row `gate` of W x + b for this step's input. */
      const fromInput = (gate: number) => {
        let sum = at(bi + gate);
        if (module.input === 'tokens') return sum + at(wi + gate * D + (call.input[t * rows + b] as number));
        for (let d = 0; d < D; d++) {
          sum += at(wi + gate * D + d) * (call.input[(t * rows + b) * D + d] as number);
        }
        return sum;
      };
      /** Row `gate` of U h + b for a hidden vector. */
      const fromHidden = (gate: number, hidden: readonly number[]) =>
        roundHidden(hidden).reduce((sum, value, j) => sum + at(wh + gate * H + j) * value, at(bh + gate));
      const sum = (gate: number, hidden = h) => fromInput(gate) + fromHidden(gate, hidden);
      const units = [...h.keys()];
      if (module.cell === 'rnn') h = units.map((j) => Math.tanh(sum(j)));
      else if (module.cell === 'lstm') {
        const cells = units.map(
          (j) => sigmoid(sum(H + j)) * (c[j] as number) + sigmoid(sum(j)) * Math.tanh(sum(3 * H + j)),
        );
        hold('c', cells);
        h = units.map((j) => sigmoid(sum(2 * H + j)) * Math.tanh(cells[j] as number));
        c = cells;
      } else {
        const z = units.map((j) => sigmoid(sum(j)));
        const r = units.map((j) => sigmoid(sum(H + j)));
        const gated = units.map((j) => (r[j] as number) * (h[j] as number));
        const n = units.map((j) =>
          module.reset === 'after'
            ? Math.tanh(fromInput(2 * H + j) + (r[j] as number) * fromHidden(2 * H + j, h))
            : Math.tanh(sum(2 * H + j, gated)),
        );
        h = units.map((j) => (z[j] as number) * (n[j] as number) + (1 - (z[j] as number)) * (h[j] as number));
      }
      hold('h', h);
      for (const j of units) output[(t * rows + b) * H + j] = h[j] as number;
    }
    for (const [j, value] of h.entries()) final[((parts - 1) * rows + b) * H + j] = value;
    for (const [j, value] of c.entries()) final[b * H + j] = value;
  }
  return { output, final };
}
