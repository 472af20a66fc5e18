/** The part of the contract suite for inference: steps, prompts, drawn tokens, and slots of states. */
import assert from 'node:assert/strict';
import { Candidates, drawControlled } from '../../src/engine/candidates.ts';
import {
  ALL_DRAW_CONTROLS,
  type DrawControls,
  type Engine,
  type FloatArray,
  NEUTRAL_CONTROLS,
  NO_TOKEN,
  type RowDraw,
  type Tensor,
} from '../../src/engine/engine.ts';
import type { Layout } from '../../src/engine/layout.ts';
import { largestDifference } from '../compare.ts';
import { drawToken } from '../sample/draw-token.ts';
import type { ContractPart } from './contract-suite.ts';
import { RandomValues } from './random-values.ts';

const V = 9;
const H = 6;
const layout: Layout = [
  { kind: 'embedding', name: 'embedding', vocabularySize: V, outputSize: H },
  { kind: 'recurrent', name: 'layer 1', cell: 'lstm', input: 'dense', inputSize: H, hiddenSize: H },
  { kind: 'recurrent', name: 'layer 2', cell: 'rnn', input: 'dense', inputSize: H, hiddenSize: H },
  { kind: 'linear', name: 'decoder', inputSize: H, outputSize: V },
];

async function read(engine: Engine, tensor: Tensor): Promise<FloatArray> {
  return (await engine.read(tensor)) as FloatArray;
}

export const inferenceContract: ContractPart = (add, tolerance) => {
  const check = (what: string, run: (engine: Engine, random: RandomValues) => Promise<void>) =>
    add(what, (engine) => run(engine, new RandomValues(engine, 11)));
  const close = (actual: ArrayLike<number>, expected: ArrayLike<number>, what: string) =>
    assert.ok(largestDifference(actual, expected) <= tolerance, what);

  check('step: each sequence has the same bits as alone', async (engine, random) => {
    const weights = random.vector(layout, 0.8);
    const slotCount = 5;
    const states = () => [
      engine.tensor('float', [2, slotCount, H]),
      engine.tensor('float', [1, slotCount, H]),
    ];
    const together = states();
    const output = engine.tensor('float', [3, V]);
    const slots = Int32Array.of(4, 0, 2);
    const sequences = [
      [1, 2, 3, 4],
      [5, 5, 0, 1],
      [8, 7, 6, 5],
    ];
    const results: FloatArray[] = [];
    for (let t = 0; t < 4; t++) {
      const tokens = Int32Array.from(sequences, (sequence) => sequence[t] as number);
      engine.step({ weights, states: together, slots, tokens, output });
      results.push(await read(engine, output));
    }
    for (const [n, sequence] of sequences.entries()) {
      const alone = states();
      const row = engine.tensor('float', [1, V]);
      for (const [t, token] of sequence.entries()) {
        engine.step({
          weights,
          states: alone,
          slots: Int32Array.of(1),
          tokens: Int32Array.of(token),
          output: row,
        });
        const expected = (results[t] as FloatArray).slice(n * V, (n + 1) * V);
        assert.deepEqual(await read(engine, row), expected);
        close([Array.from(expected, Math.exp).reduce((a, b) => a + b, 0)], [1], 'the probabilities sum to 1');
      }
    }
    const state = await read(engine, together[0] as Tensor);
    assert.ok(
      state.slice(1 * H, 2 * H).every((value) => value === 0),
      'other slots do not change',
    );
    assert.throws(
      () =>
        engine.step({
          weights,
          states: together,
          slots: Int32Array.of(1, 1),
          tokens: Int32Array.of(0, 0),
          output,
        }),
      RangeError,
    );
  });

  check('a rejected step does not change the states', async (engine, random) => {
    const weights = random.vector(layout, 0.8);
    const first = random.floats([2, 2, H]);
    const before = await read(engine, first);
    const fitting = [first, engine.tensor('float', [1, 2, H])];
    const call = { weights, slots: Int32Array.of(1, 0), tokens: Int32Array.of(1, 2) };
    const output = engine.tensor('float', [2, V]);
    for (const wrong of [
      { states: [first], output },
      { states: [first, engine.tensor('float', [2, 2, H])], output },
      { states: [first, engine.tensor('float', [1, 1, H])], output },
      { states: fitting, output: engine.tensor('float', [1, V]) },
      { states: fitting, output: engine.tensor('float', [2, V + 1]) },
    ])
      assert.throws(() => engine.step({ ...call, ...wrong }), RangeError);
    assert.deepEqual(await read(engine, first), before);
  });

  check('readTokens gives the same bits as single steps', async (engine, random) => {
    const weights = random.vector(layout, 0.8);
    const prompts = [[1, 2, 3, 4, 5, 6, 7], [8, 0, 3], [4]];
    const steps = 7;
    const states = () => [engine.tensor('float', [2, 4, H]), engine.tensor('float', [1, 4, H])];
    const slots = Int32Array.of(3, 0, 2);
    const tokens = new Int32Array(steps * 3).fill(NO_TOKEN);
    prompts.forEach((prompt, n) => {
      for (const [i, token] of prompt.entries()) tokens[(steps - prompt.length + i) * 3 + n] = token;
    });
    const output = engine.tensor('float', [3, V]);
    const together = states();
    engine.readTokens({ weights, states: together, slots, tokens, output });
    const rows = await read(engine, output);
    for (const [n, prompt] of prompts.entries()) {
      const alone = states();
      const row = engine.tensor('float', [1, V]);
      for (const token of prompt) {
        const one = { slots: slots.subarray(n, n + 1), tokens: Int32Array.of(token) };
        engine.step({ weights, states: alone, ...one, output: row });
      }
      assert.deepEqual(await read(engine, row), rows.slice(n * V, (n + 1) * V), `prompt ${n}`);
      const slot = slots[n] as number;
      for (const [layer, state] of alone.entries()) {
        const own = (values: FloatArray) => values.slice(slot * H, (slot + 1) * H);
        const all = await read(engine, together[layer] as Tensor);
        assert.deepEqual(own(all), own(await read(engine, state)));
      }
    }
    for (const wrong of [[NO_TOKEN], [V], [1, NO_TOKEN, 2], [1, NO_TOKEN]]) {
      const call = { weights, states: together, slots: Int32Array.of(0), output };
      assert.throws(() => engine.readTokens({ ...call, tokens: Int32Array.from(wrong) }), RangeError);
    }
  });

  check(
    'readTokens copies states at the requested steps, without changing the results',
    async (engine, random) => {
      const weights = random.vector(layout, 0.8);
      const states = (slots: number) => [
        engine.tensor('float', [2, slots, H]),
        engine.tensor('float', [1, slots, H]),
      ];
      const tokens = Int32Array.of(1, NO_TOKEN, 2, NO_TOKEN, 3, 4, 5, 6, 7, 8);
      const slots = Int32Array.of(1, 0);
      const [own, plain, kept] = [states(2), states(2), states(5)];
      const output = engine.tensor('float', [2, V]);
      const expected = engine.tensor('float', [2, V]);
      const call = { weights, slots, tokens };
      const steps = [2, 4, 4, 5];
      const [sequences, places] = [
        [0, 1, 0, 1],
        [4, 0, 2, 1],
      ];
      const snapshots = {
        states: kept,
        steps: Int32Array.from(steps),
        sequences: Int32Array.from(sequences),
        slots: Int32Array.from(places),
      };
      engine.readTokens({ ...call, states: own, output, snapshots });
      engine.readTokens({ ...call, states: plain, output: expected });
      assert.deepEqual(await read(engine, output), await read(engine, expected));
      for (const [layer, state] of own.entries())
        assert.deepEqual(await read(engine, state), await read(engine, plain[layer] as Tensor));
      for (const [i, step] of steps.entries()) {
        const alone = states(2);
        const sequence = sequences[i] as number;
        const its = tokens
          .slice(0, step * 2)
          .filter((token, at) => at % 2 === sequence && token !== NO_TOKEN);
        engine.readTokens({
          weights,
          slots: slots.slice(sequence, sequence + 1),
          states: alone,
          output,
          tokens: its,
        });
        for (const [layer, state] of alone.entries()) {
          const at = (values: FloatArray, slot: number) => values.slice(slot * H, (slot + 1) * H);
          const copy = at(await read(engine, kept[layer] as Tensor), places[i] as number);
          assert.deepEqual(copy, at(await read(engine, state), slots[sequence] as number), `copy ${i}`);
        }
      }
      const wrong = { ...snapshots, steps: Int32Array.of(4, 2, 4, 5) };
      const before = { ...snapshots, steps: Int32Array.of(2, 2, 4, 5) };
      const twice = { ...snapshots, slots: Int32Array.of(0, 0, 2, 1) };
      const beyond = { ...snapshots, steps: Int32Array.of(2, 4, 4, 6) };
      const fewer = { ...snapshots, states: kept.slice(0, 1) };
      const unlike = { ...snapshots, states: kept.toReversed() };
      const ends = await read(engine, own[0] as Tensor);
      for (const bad of [wrong, before, twice, beyond, fewer, unlike])
        assert.throws(() => engine.readTokens({ ...call, states: own, output, snapshots: bad }), RangeError);
      assert.deepEqual(await read(engine, own[0] as Tensor), ends, 'rejected calls read no tokens');
    },
  );

  check('step, readTokens and generate do not increase the memory in use', async (engine, random) => {
    const weights = random.vector(layout, 0.8);
    const states = [engine.tensor('float', [2, 2, H]), engine.tensor('float', [1, 2, H])];
    const output = engine.tensor('float', [2, V]);
    const call = { weights, states, output, slots: Int32Array.of(1, 0) };
    const run = async () => {
      engine.step({ ...call, tokens: Int32Array.of(1, 2) });
      engine.readTokens({ ...call, tokens: Int32Array.of(1, 2, 3, 4) });
      await engine.generate({
        ...call,
        uniforms: Float64Array.of(0.1, 0.2, 0.3, 0.4),
        rows: Array(2).fill({ controls: NEUTRAL_CONTROLS }),
      });
      return engine.bytesInUse;
    };
    // The first calls may allocate scratch memory, which later calls use again.
    assert.equal(await run(), await run());
  });

  check('models with different vocabularies take turns on an engine', async (engine, random) => {
    const models = [V, 3].map((vocabularySize) => {
      const shape: Layout = [
        {
          kind: 'recurrent',
          name: 'layer',
          cell: 'rnn',
          input: 'tokens',
          inputSize: vocabularySize,
          hiddenSize: H,
        },
        { kind: 'linear', name: 'decoder', inputSize: H, outputSize: vocabularySize },
      ];
      const states = [engine.tensor('float', [1, 2, H])];
      const output = engine.tensor('float', [2, vocabularySize]);
      return {
        weights: random.vector(shape),
        states,
        output,
        slots: Int32Array.of(1, 0),
        last: vocabularySize - 1,
      };
    });
    for (let turn = 0; turn < 2; turn++) {
      for (const { last, ...call } of models) {
        engine.step({ ...call, tokens: Int32Array.of(last, last) });
        engine.readTokens({ ...call, tokens: Int32Array.of(last, 0, 0, last) });
        await engine.generate({
          ...call,
          uniforms: Float64Array.of(0.999, 0.999, 0, 0),
          rows: Array(2).fill({ controls: NEUTRAL_CONTROLS }),
        });
      }
    }
  });

  check('with only a temperature, generate draws as the original does', async (engine, random) => {
    const weights = random.vector(layout, 2);
    const rows = random.floats([3, V], 3);
    const values = await read(engine, rows);
    const uniforms = Float64Array.of(0.1, 0.5, 0.999);
    for (const temperature of [0, 0.5, 1, 100]) {
      const output = engine.tensor('float', [3, V]);
      engine.copy(rows, output);
      const states = [engine.tensor('float', [2, 3, H]), engine.tensor('float', [1, 3, H])];
      const drawn = await engine.generate({
        ...{ weights, states, output, uniforms, slots: Int32Array.of(0, 1, 2) },
        rows: Array(3).fill({ controls: { ...NEUTRAL_CONTROLS, temperature } }),
      });
      const expected = Array.from(uniforms, (uniform, row) =>
        drawToken(values.slice(row * V, (row + 1) * V), uniform, temperature),
      );
      assert.deepEqual([...drawn], expected);
    }
  });

  check(
    'generate applies the controls of each sequence, as candidates.ts defines them',
    async (engine, random) => {
      const steps = 7;
      const weights = random.vector(layout, 2);
      const logitBias = new Float64Array(V);
      logitBias[2] = Number.NEGATIVE_INFINITY;
      logitBias[4] = 1.5;
      const penalties = { repetitionPenalty: 1.3, presencePenalty: 0.4, frequencyPenalty: 0.2 };
      const controls: DrawControls[] = [
        { ...NEUTRAL_CONTROLS, temperature: 0.8, topK: 3 },
        { ...NEUTRAL_CONTROLS, temperature: 1.2, topP: 0.7 },
        { ...NEUTRAL_CONTROLS, minP: 0.3 },
        { ...NEUTRAL_CONTROLS, logitBias },
        { ...NEUTRAL_CONTROLS, temperature: 0, logitBias, ...penalties },
        { ...NEUTRAL_CONTROLS, temperature: 0.9, topK: 6, topP: 0.9, minP: 0.02, logitBias, ...penalties },
        NEUTRAL_CONTROLS,
      ];
      for (const name of ALL_DRAW_CONTROLS)
        assert.ok(
          controls.some((one) => one[name] !== NEUTRAL_CONTROLS[name]),
          `${name} is tried`,
        );
      const N = controls.length;
      const uniforms = Float64Array.from({ length: steps * N }, (_, i) => ((i * 7919 + 13) % 1009) / 1009);
      for (const length of [0, 1, 4, 20]) {
        const rows = controls.map((one, n): RowDraw => {
          if (one.presencePenalty === 0) return { controls: one };
          const counts = Int32Array.from({ length: V }, (_, i) => ((n + i) % 5 === 0 ? 1 : 0));
          const expiring = new Int32Array(Math.min(steps, length)).fill(-1);
          // A token leaves the window at the first step.
          if (length > 0) expiring[0] = counts.indexOf(1);
          return { controls: one, window: { counts, length, expiring } };
        });
        const make = () => [engine.tensor('float', [2, N, H]), engine.tensor('float', [1, N, H])];
        const slots = Int32Array.from({ length: N }, (_, n) => (n + 2) % N);
        const [states, twin] = [make(), make()];
        const [output, predicted] = [engine.tensor('float', [N, V]), engine.tensor('float', [N, V])];
        const own = rows.map(({ window }) => window?.counts.slice());
        const candidates = new Candidates(V);
        const expected: number[] = [];
        for (let step = 0; step < steps; step++) {
          const predictions = await read(engine, predicted);
          rows.forEach(({ controls: one, window }, n) => {
            const row = predictions.slice(n * V, (n + 1) * V);
            const counts = own[n];
            const token = drawControlled(candidates, row, one, counts, uniforms[step * N + n] as number);
            expected.push(token);
            if (!window || !counts) return;
            const gone =
              length === 0 ? -1 : step < length ? window.expiring[step] : expected[(step - length) * N + n];
            if (gone !== undefined && gone >= 0) counts[gone] = (counts[gone] as number) - 1;
            counts[token] = (counts[token] as number) + 1;
          });
          engine.step({
            weights,
            states: twin,
            slots,
            tokens: Int32Array.from(expected.slice(-N)),
            output: predicted,
          });
        }
        const drawn = await engine.generate({ weights, states, slots, output, uniforms, rows });
        assert.deepEqual([...drawn], expected, `a window of ${length}`);
      }
      const states = [engine.tensor('float', [2, 1, H]), engine.tensor('float', [1, 1, H])];
      const call = { weights, states, slots: Int32Array.of(0), output: engine.tensor('float', [1, V]) };
      const window = { counts: new Int32Array(V), length: 3, expiring: new Int32Array(2).fill(-1) };
      const wrong: (readonly RowDraw[])[] = [
        [],
        [{ controls: { ...NEUTRAL_CONTROLS, logitBias: new Float64Array(V + 1) } }],
        [{ controls: NEUTRAL_CONTROLS, window: { ...window, counts: new Int32Array(V - 1) } }],
        [{ controls: NEUTRAL_CONTROLS, window: { ...window, expiring: new Int32Array(3) } }],
        [{ controls: NEUTRAL_CONTROLS, window: { ...window, expiring: Int32Array.of(0, V) } }],
      ];
      for (const rows of wrong) {
        const drawing = async () => engine.generate({ ...call, uniforms: new Float64Array(2), rows });
        await assert.rejects(drawing, RangeError);
      }
    },
  );

  check('copySlots gathers, scatters and forks', async (engine, random) => {
    const from = random.floats([2, 4, H]);
    const to = engine.tensor('float', [2, 3, H]);
    engine.copySlots(from, Int32Array.of(3, 3, 0), to, Int32Array.of(0, 2, 1));
    const source = await read(engine, from);
    const target = await read(engine, to);
    for (const [slot, origin] of [
      [0, 3],
      [1, 0],
      [2, 3],
    ] as const) {
      for (const part of [0, 1]) {
        const got = target.slice((part * 3 + slot) * H, (part * 3 + slot + 1) * H);
        assert.deepEqual(got, source.slice((part * 4 + origin) * H, (part * 4 + origin + 1) * H));
      }
    }
  });

  check('copySlots within one state can swap slots', async (engine, random) => {
    const state = random.floats([2, 4, H]);
    const before = await read(engine, state);
    // Slot 0 is read twice and written once: all reads must come first.
    engine.copySlots(state, Int32Array.of(1, 0, 0), state, Int32Array.of(0, 1, 3));
    const after = await read(engine, state);
    for (const [slot, origin] of [1, 0, 2, 0].entries()) {
      for (const part of [0, 4]) {
        const row = (values: ArrayLike<number>, index: number) =>
          Array.from(values).slice((part + index) * H, (part + index + 1) * H);
        assert.deepEqual(row(after, slot), row(before, origin), `slot ${slot}`);
      }
    }
  });

  check(
    'copySlots rejects tensors that are not states, slots out of range, and repeated target slots',
    async (engine) => {
      const [state, tokens] = [engine.tensor('float', [2, 4, H]), engine.tensor('int', [2, 4, H])];
      const copy = (from: Tensor, fromSlots: number[], to: Tensor, toSlots: number[]) => () =>
        engine.copySlots(from, Int32Array.from(fromSlots), to, Int32Array.from(toSlots));
      assert.throws(copy(tokens, [0], state, [0]), TypeError);
      assert.throws(copy(state, [0], tokens, [0]), TypeError);
      assert.throws(copy(engine.tensor('float', [2, H]), [0], state, [0]), RangeError);
      for (const slot of [-1, 4]) {
        assert.throws(copy(state, [slot], state, [0]), RangeError);
        assert.throws(copy(state, [0], state, [slot]), RangeError);
      }
      assert.throws(copy(state, [0, 1], state, [2, 2]), RangeError);
      assert.throws(copy(state, [0, 1], state, [2]), RangeError);
    },
  );
};
