/** The part of the contract suite for vectors in int8. */
import assert from 'node:assert/strict';
import { CELL_KINDS, type CellKind, stateParts } from '../../src/engine/cells.ts';
import type { Engine, FloatArray, Tensor, Vector } from '../../src/engine/engine.ts';
import { type Layout, type Module, parameterSlices } from '../../src/engine/layout.ts';
import { largestDifference } from '../compare.ts';
import type { ContractPart } from './contract-suite.ts';
import { naiveRecurrent } from './naive-recurrent.ts';
import { RandomValues } from './random-values.ts';

const V = 21;
const D = 11;
// More units than a panel of the CPU engines has columns.
const H = 19;
const ROWS = 3;
const TOKENS = [
  [1, 2, 3, 4, 5, 20],
  [6, 0, 6, 0, 6, 19],
  [3, 17, 1, 0, 2, 18],
];
const STEPS = 6;

function layoutOf(kind: CellKind, embeds: boolean): Layout {
  const layer = { kind: 'recurrent', ...kind, hiddenSize: H } as const;
  const decoder = { kind: 'linear', name: 'decoder', inputSize: H, outputSize: V } as const;
  const second = { ...layer, name: 'layer 2', input: 'dense', inputSize: H } as const;
  if (!embeds) return [{ ...layer, name: 'layer 1', input: 'tokens', inputSize: V }, second, decoder];
  const embedding = { kind: 'embedding', name: 'embedding', vocabularySize: V, outputSize: D } as const;
  return [embedding, { ...layer, name: 'layer 1', input: 'dense', inputSize: D }, second, decoder];
}

/** A network with random weights in int8. */
function quantizedNetwork(engine: Engine, kind: CellKind, embeds: boolean) {
  const layout = layoutOf(kind, embeds);
  const weights = engine.vector(layout, 'int8');
  engine.write(weights, new RandomValues(engine, 5).numbers(weights.size, 0.6));
  const states = [0, 1].map(() => engine.tensor('float', [stateParts(kind.cell), ROWS, H]));
  const output = engine.tensor('float', [ROWS, V]);
  return { layout, weights, states, output };
}

/** Tokens [T, N] of some sequences. */
function tokensOf(rows: readonly number[]): Int32Array {
  return Int32Array.from({ length: STEPS * rows.length }, (_, at) => {
    const row = TOKENS[rows[at % rows.length] as number] as number[];
    return row[Math.floor(at / rows.length)] as number;
  });
}

async function read(engine: Engine, handle: Tensor | Vector): Promise<FloatArray> {
  return handle.kind === 'vector' ? engine.read(handle) : ((await engine.read(handle)) as FloatArray);
}

/** Predictions and final states of all sequences, from one call. */
async function predictionsOf(engine: Engine, kind: CellKind, embeds: boolean): Promise<FloatArray[]> {
  const { weights, states, output } = quantizedNetwork(engine, kind, embeds);
  engine.readTokens({ weights, states, output, slots: Int32Array.of(0, 1, 2), tokens: tokensOf([0, 1, 2]) });
  return Promise.all([output, ...states].map((tensor) => read(engine, tensor)));
}

const roundHidden = (hidden: readonly number[]) => hidden.map((h) => Math.round(h * 63) / 63);

/** An embedded vector, rounded to 63 levels of its largest number. */
function roundRow(row: readonly number[]): number[] {
  const bits = new Uint32Array(1);
  const float = new Float32Array(bits.buffer);
  float[0] = Math.max(...row.map(Math.abs)) / 63;
  bits[0] = Math.ceil((bits[0] as number) / 256) * 256;
  const scale = float[0] as number;
  return row.map((x) => Math.round(x / scale) * scale);
}

/** The log-probabilities of the network after all tokens, from the weights level · scale and rounded activations. */
function naivePredictions(layout: Layout, parameters: FloatArray): number[] {
  const sliceOf = (module: number) => {
    const own = parameterSlices(layout).filter((slice) => slice.module === module);
    const first = own[0]?.offset ?? 0;
    return parameters.subarray(first, first + own.reduce((sum, { size }) => sum + size, 0));
  };
  const tokens = tokensOf([0, 1, 2]);
  let input: ArrayLike<number> = tokens;
  layout.forEach((module, index) => {
    const own = sliceOf(index);
    if (module.kind === 'embedding') {
      input = [...tokens].flatMap((token) => roundRow([...own.subarray(token * D, (token + 1) * D)]));
    } else if (module.kind === 'recurrent') {
      const initial = new Array<number>(stateParts(module.cell) * ROWS * H).fill(0);
      const call = { module, parameters: own, steps: STEPS, rows: ROWS, input, initial, roundHidden };
      input = roundHidden(naiveRecurrent(call).output);
    }
  });
  const decoder = sliceOf(layout.length - 1);
  const last = Array.from(input).slice((STEPS - 1) * ROWS * H);
  return Array.from({ length: ROWS }, (_, row) => {
    const logits = Array.from({ length: V }, (_, v) => {
      let sum = decoder[V * H + v] as number;
      for (let j = 0; j < H; j++) sum += (decoder[v * H + j] as number) * (last[row * H + j] as number);
      return sum;
    });
    const total = Math.log(logits.reduce((sum, z) => sum + Math.exp(z), 0));
    return logits.map((z) => z - total);
  }).flat();
}

export const int8Contract: ContractPart = (add, tolerance) => {
  for (const kind of CELL_KINDS) {
    for (const embeds of [false, true]) {
      const name = `${kind.cell}${kind.reset ? `, reset ${kind.reset}` : ''}${embeds ? ', embedding' : ''}`;

      add(`int8, ${name}: predictions follow the equations`, async (engine) => {
        const [predictions] = await predictionsOf(engine, kind, embeds);
        const { layout, weights } = quantizedNetwork(engine, kind, embeds);
        const expected = naivePredictions(layout, await engine.read(weights));
        assert.ok(largestDifference(predictions as FloatArray, expected) <= 2 * tolerance);
      });

      add(
        `int8, ${name}: a sequence has the same bits alone, step by step and in passes over layers`,
        async (engine) => {
          const [predictions, ...final] = await predictionsOf(engine, kind, embeds);
          const { layout, weights, states, output } = quantizedNetwork(engine, kind, embeds);
          for (const row of [2, 0, 1]) {
            const slots = Int32Array.of(row);
            for (const token of tokensOf([row]))
              engine.step({ weights, states, output, slots, tokens: Int32Array.of(token) });
            const own = (await read(engine, output)).subarray(0, V);
            assert.deepEqual(own, predictions?.slice(row * V, (row + 1) * V));
          }
          for (const [layer, state] of states.entries())
            assert.deepEqual(await read(engine, state), final[layer]);

          let input = engine.tensor('int', [STEPS, ROWS]);
          engine.write(input, tokensOf([0, 1, 2]));
          for (const [module, { kind: moduleKind, ...shape }] of layout.entries()) {
            const width = 'hiddenSize' in shape ? shape.hiddenSize : shape.outputSize;
            const next = engine.tensor('float', [STEPS, ROWS, width]);
            if (moduleKind === 'embedding')
              engine.embeddingForward({ weights, module, tokens: input, output: next });
            else if (moduleKind === 'linear') engine.linearForward({ weights, module, input, output: next });
            else {
              const initial = engine.tensor('float', [stateParts(kind.cell), ROWS, H]);
              engine.recurrentForward({ weights, module, input, initial, final: initial, output: next });
            }
            input = next;
          }
          const logits = await read(engine, input);
          const differences = (predictions as FloatArray).map(
            (log, at) => log - (logits[(STEPS - 1) * ROWS * V + at] as number),
          );
          // They differ by the logarithm of the sum, which is the same for all tokens of a row.
          for (let at = 0; at < differences.length; at++)
            assert.ok(Math.abs((differences[at] as number) - (differences[at - (at % V)] as number)) < 1e-5);
        },
      );
    }
  }

  add(
    'int8: reading a vector gives level · scale, and writing that again changes nothing',
    async (engine) => {
      const { layout, weights } = quantizedNetwork(engine, { cell: 'gru', reset: 'after' }, true);
      const values = await engine.read(weights);
      const given = new RandomValues(engine, 5).numbers(weights.size, 0.6);
      for (const { offset, size, shape } of parameterSlices(layout)) {
        const columns = shape[1] ?? 1;
        for (let at = offset; at < offset + size; at++) {
          const first = at - ((at - offset) % columns);
          const largest = Math.max(...given.subarray(first, first + columns).map(Math.abs));
          const allowed = shape.length === 2 ? (largest / 127) * 0.5001 : 0;
          assert.ok(Math.abs((values[at] as number) - Math.fround(given[at] as number)) <= allowed);
        }
      }
      assert.deepEqual(await engine.read(weights, { offset: 7, count: 30 }), values.slice(7, 37));
      const again = engine.vector(layout, 'int8');
      engine.write(again, values);
      assert.deepEqual(await engine.read(again), values);
    },
  );

  add(
    'int8: a call of training, a part of a vector, and a parameter that is not finite are refused',
    async (engine) => {
      const kind = { cell: 'lstm' } as const;
      const { layout, weights } = quantizedNetwork(engine, kind, false);
      const floats = engine.vector(layout);
      const module = layout[0] as Module & { kind: 'recurrent' };
      const output = engine.tensor('float', [1, 1, module.hiddenSize]);
      const state = engine.tensor('float', [2, 1, H]);
      const call = {
        weights,
        module: 0,
        input: engine.tensor('int', [1, 1]),
        initial: state,
        final: state,
        output,
      };
      const tape = engine.tape(layout, 0, 1, 1);
      const backward = { ...call, tape, outputGradient: output, gradient: floats };
      const refused = [
        () => engine.recurrentForward({ ...call, tape }),
        () => engine.recurrentForward({ ...call, compute: 'bfloat16' }),
        () => engine.recurrentBackward(backward),
        () => engine.recurrentBackward({ ...backward, weights: floats, gradient: weights }),
        () => engine.average(floats, weights, 1),
        () => engine.copy(floats, weights),
        () => {
          const where = { vector: weights, module: 0, parameter: 'weight_hh', drops: 'weight' } as const;
          engine.dropWeights({ ...where, probability: 0.5, seed: 1, batch: 1, site: 1 });
        },
      ];
      for (const run of refused) assert.throws(run, /TypeError|does not compute in bfloat16/);
      assert.throws(() => engine.write(weights, [1, 2, 3]), RangeError);
      const values = new Float32Array(weights.size);
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 2 ** 101]) {
        values[3] = value;
        assert.throws(() => engine.write(weights, values), {
          name: 'UnsupportedError',
          message: /^parameter 3 of the model is/,
        });
      }
    },
  );
};
