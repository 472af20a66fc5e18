/** The part of the contract suite for units that are held at a value. */
import assert from 'node:assert/strict';
import { CELL_KINDS, type CellKind, cellFacts, stateParts } from '../../src/engine/cells.ts';
import type { Engine, FloatArray, HeldUnit, RowDraw, Tensor, Vector } from '../../src/engine/engine.ts';
import { HostDraws } from '../../src/engine/host-draws.ts';
import { type Layout, parameterSlices, type RecurrentModule } from '../../src/engine/layout.ts';
import { largestDifference } from '../compare.ts';
import type { ContractPart } from './contract-suite.ts';
import { naiveRecurrent } from './naive-recurrent.ts';
import { RandomValues } from './random-values.ts';

const V = 7;
// More units than a panel of the CPU engines has columns.
const H = 19;
const SLOTS = 4;
const PROMPTS = [
  [1, 2, 3, 4, 5],
  [6, 0, 6, 0, 6],
  [3, 3, 1, 0, 2],
];

function layoutOf(kind: CellKind): Layout {
  const layer = { kind: 'recurrent', ...kind, hiddenSize: H } as const;
  return [
    { ...layer, name: 'layer 1', input: 'tokens', inputSize: V },
    { ...layer, name: 'layer 2', input: 'dense', inputSize: H },
    { kind: 'linear', name: 'decoder', inputSize: H, outputSize: V },
  ];
}

/** Some units of both layers, in each part that the cell has. The last unit of the first layer is held in all parts. */
function someUnits(kind: CellKind): HeldUnit[] {
  const hasC = cellFacts(kind.cell).state.includes('c');
  const held: HeldUnit[] = [
    { layer: 0, part: 'h', unit: 18, value: -0.75 },
    { layer: 1, part: 'h', unit: 3, value: 0.9 },
  ];
  if (!hasC) return held;
  return [
    ...held,
    { layer: 0, part: 'c', unit: 18, value: 2.5 },
    { layer: 0, part: 'c', unit: 1, value: -3.25 },
    { layer: 1, part: 'c', unit: 16, value: 1.5 },
  ];
}

function makeStates(engine: Engine, kind: CellKind): Tensor[] {
  return [0, 1].map(() => engine.tensor('float', [stateParts(kind.cell), SLOTS, H]));
}

async function read(engine: Engine, tensor: Tensor): Promise<FloatArray> {
  return (await engine.read(tensor)) as FloatArray;
}

/** The states and the predictions of a call. */
async function results(engine: Engine, states: readonly Tensor[], output: Tensor): Promise<FloatArray[]> {
  return Promise.all([...states, output].map((tensor) => read(engine, tensor)));
}

/** Log-probabilities after a prompt, and the last states of both layers, straight from the equations. */
async function naive(engine: Engine, weights: Vector, prompt: readonly number[], hold: readonly HeldUnit[]) {
  const parameters = await engine.read(weights);
  const { layout } = weights;
  const own = (module: number) => {
    const slices = parameterSlices(layout).filter((slice) => slice.module === module);
    const from = slices[0]?.offset as number;
    return Array.from(parameters).slice(from, from + slices.reduce((sum, { size }) => sum + size, 0));
  };
  let input: readonly number[] = prompt;
  const finals = [0, 1].map((layer) => {
    const module = layout[layer] as RecurrentModule;
    const { output, final } = naiveRecurrent({
      ...{ module, parameters: own(layer), steps: prompt.length, rows: 1, input },
      initial: new Array<number>(stateParts(module.cell) * H).fill(0),
      held: hold.filter((unit) => unit.layer === layer),
    });
    input = output;
    return final;
  });
  const decoder = own(2);
  const last = input.slice(-H);
  const logits = Array.from({ length: V }, (_, v) =>
    last.reduce((sum, h, j) => sum + h * (decoder[v * H + j] as number), decoder[V * H + v] as number),
  );
  const normalizer = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
  return { finals, logProbabilities: logits.map((logit) => logit - normalizer) };
}

export const heldUnitsContract: ContractPart = (add, tolerance) => {
  const slots = Int32Array.of(2, 0, 3);
  const tokensAt = (t: number) => Int32Array.from(PROMPTS, (prompt) => prompt[t] as number);
  const allTokens = Int32Array.from([0, 1, 2, 3, 4].flatMap((t) => [...tokensAt(t)]));

  for (const kind of CELL_KINDS) {
    const name = Object.values(kind).join(', ');
    const hold = someUnits(kind);
    const begin = (engine: Engine) => {
      const weights = new RandomValues(engine, 5).vector(layoutOf(kind), 0.8);
      return { weights, states: makeStates(engine, kind), slots, output: engine.tensor('float', [3, V]) };
    };

    add(`${name}: held units agree with the equations`, async (engine) => {
      for (const some of [hold, ...hold.map((unit) => [unit])]) {
        const call = { ...begin(engine), hold: some };
        engine.readTokens({ ...call, tokens: allTokens });
        const [first, second, rows] = await results(engine, call.states, call.output);
        for (const [n, prompt] of PROMPTS.entries()) {
          const { finals, logProbabilities } = await naive(engine, call.weights, prompt, some);
          const close = (got: ArrayLike<number>, expected: readonly number[]) => {
            const difference = largestDifference(got, expected);
            assert.ok(difference <= tolerance * 4, `${JSON.stringify(some)}: ${difference}`);
          };
          close((rows as FloatArray).slice(n * V, (n + 1) * V), logProbabilities);
          for (const [layer, state] of [first, second].entries()) {
            const parts = [...Array(stateParts(kind.cell)).keys()].flatMap((part) => {
              const at = (part * SLOTS + (slots[n] as number)) * H;
              return [...(state as FloatArray).slice(at, at + H)];
            });
            close(parts, finals[layer] as number[]);
          }
        }
      }
    });

    add(`${name}: holding all units at the values they have changes no bit`, async (engine) => {
      const call = begin(engine);
      engine.step({ ...call, tokens: tokensAt(0) });
      const before = await results(engine, call.states, call.output);
      const slot = slots[1] as number;
      const one = { ...call, slots: Int32Array.of(slot), tokens: Int32Array.of(4) };
      engine.step(one);
      const expected = await results(engine, call.states, call.output);
      const units = (part: 'c' | 'h') =>
        [0, 1].flatMap((layer) =>
          Array.from({ length: H }, (_, unit): HeldUnit => {
            const index = cellFacts(kind.cell).state.indexOf(part);
            const value = expected[layer]?.[(index * SLOTS + slot) * H + unit] as number;
            return { layer, part, unit, value };
          }),
        );
      const parts = cellFacts(kind.cell).state as readonly ('c' | 'h')[];
      for (const same of [...parts.map(units), parts.flatMap(units)]) {
        call.states.forEach((state, layer) => {
          engine.write(state, before[layer] as FloatArray);
        });
        engine.step({ ...one, hold: same });
        assert.deepEqual(await results(engine, call.states, call.output), expected);
      }
    });

    add(
      `${name}: with held units, a row has the same bits alone, and readTokens those of steps`,
      async (engine) => {
        const call = { ...begin(engine), hold };
        engine.readTokens({ ...call, tokens: allTokens });
        const together = await results(engine, call.states, call.output);
        for (const [n, prompt] of PROMPTS.entries()) {
          const alone = { ...call, states: makeStates(engine, kind), slots: slots.subarray(n, n + 1) };
          for (const token of prompt) engine.step({ ...alone, tokens: Int32Array.of(token) });
          const own = await results(engine, alone.states, call.output);
          assert.deepEqual(own[2]?.slice(0, V), together[2]?.slice(n * V, (n + 1) * V));
          for (const layer of [0, 1])
            for (const part of Array(stateParts(kind.cell)).keys()) {
              const at = (part * SLOTS + (slots[n] as number)) * H;
              assert.deepEqual(own[layer]?.slice(at, at + H), together[layer]?.slice(at, at + H));
            }
        }
      },
    );

    add(`${name}: generate holds units as step does`, async (engine) => {
      const steps = 6;
      const controls = {
        ...{ temperature: 0.8, topK: 0, topP: 1, minP: 0 },
        ...{ repetitionPenalty: 1, presencePenalty: 0, frequencyPenalty: 0 },
      };
      const rows: RowDraw[] = PROMPTS.map(() => ({ controls }));
      const uniforms = new RandomValues(engine, 9).numbers(steps * 3).map((value) => (value + 1) / 2);
      const stepped = { ...begin(engine), hold };
      engine.step({ ...stepped, tokens: tokensAt(0), hold: undefined });
      const draws = new HostDraws({ rows, uniforms }, V);
      for (let step = 0; step < steps; step++)
        engine.step({ ...stepped, tokens: draws.draw(step, await read(engine, stepped.output)) });
      const call = { ...begin(engine), hold };
      engine.step({ ...call, tokens: tokensAt(0), hold: undefined });
      assert.deepEqual(await engine.generate({ ...call, uniforms, rows }), draws.drawn);
      assert.deepEqual(
        await results(engine, call.states, call.output),
        await results(engine, stepped.states, stepped.output),
      );
    });

    add(`${name}: units that cannot be held are rejected, and nothing changes`, async (engine) => {
      const call = begin(engine);
      engine.step({ ...call, tokens: tokensAt(0) });
      const before = await results(engine, call.states, call.output);
      const unit: HeldUnit = { layer: 0, part: 'h', unit: 0, value: 0.5 };
      const wrong: readonly (readonly HeldUnit[])[] = [
        ...[[{ ...unit, layer: 2 }], [{ ...unit, layer: -1 }], [{ ...unit, layer: 0.5 }]],
        ...[[{ ...unit, unit: H }], [{ ...unit, unit: -1 }], [{ ...unit, unit: 1.5 }]],
        ...[[{ ...unit, value: Number.NaN }], [{ ...unit, value: Number.POSITIVE_INFINITY }]],
        ...[[{ ...unit, value: 1e39 }], [unit, { ...unit, value: 0.25 }]],
        [{ ...unit, part: 'z' as HeldUnit['part'] }],
        ...(cellFacts(kind.cell).state.includes('c') ? [] : [[{ ...unit, part: 'c' } as const]]),
      ];
      for (const hold of wrong) {
        const message = { name: 'RangeError', message: /^hold: / };
        assert.throws(() => engine.step({ ...call, tokens: tokensAt(1), hold }), message);
        assert.throws(() => engine.readTokens({ ...call, tokens: allTokens, hold }), message);
        const draw = {
          ...{ temperature: 1, topK: 0, topP: 1, minP: 0 },
          ...{ repetitionPenalty: 1, presencePenalty: 0, frequencyPenalty: 0 },
        };
        const rows = PROMPTS.map(() => ({ controls: draw }));
        const generating = async () =>
          engine.generate({ ...call, uniforms: new Float64Array(3), rows, hold });
        await assert.rejects(generating, message);
      }
      assert.deepEqual(await results(engine, call.states, call.output), before);
    });
  }
};
