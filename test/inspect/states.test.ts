/** Recorded states and gates against plain loops in double precision. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CELL_KINDS } from '../../src/engine/cells.ts';
import { parameterCount, parameterSlices } from '../../src/engine/layout.ts';
import { ReferenceEngine } from '../../src/engine/reference/reference-engine.ts';
import { MemoryError } from '../../src/errors.ts';
import { readStates } from '../../src/inspect/read-states.ts';
import { partsOf, UnitStates } from '../../src/inspect/unit-states.ts';
import { layoutOf, type ModelConfig } from '../../src/model/config.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';
import { largestDifference } from '../compare.ts';
import { fastEngines } from '../engine/engines.ts';

const SYMBOLS = [...'abcde'];
/** More than one piece. */
const LENGTH = 300;

function setUp(config: ModelConfig) {
  const layout = layoutOf(config);
  const random = new MersenneTwister(5);
  const parameters = Float64Array.from(
    { length: parameterCount(layout) },
    () => random.nextUniform() * 2 - 1,
  );
  const tokens = Int32Array.from({ length: LENGTH }, () =>
    Math.floor(random.nextUniform() * config.vocabularySize),
  );
  return { config, parameters, tokens, symbols: Array.from(tokens, (token) => SYMBOLS[token] as string) };
}

const own = (values: readonly number[], u: number) => values[u] as number;
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** Every part of every unit, at [position][layer - 1][part][unit - 1]. */
function naiveStates({ config, parameters, tokens }: ReturnType<typeof setUp>) {
  const layout = layoutOf(config);
  const H = config.hiddenSize;
  const tensor = (module: number, name: string) => {
    const slice = parameterSlices(layout).find((one) => one.module === module && one.name === name);
    assert.ok(slice);
    return {
      values: parameters.subarray(slice.offset, slice.offset + slice.size),
      width: slice.shape[1] ?? 1,
    };
  };
  const first = config.embeddingSize === undefined ? 0 : 1;
  const states = Array.from({ length: config.layers }, () => ({ h: Array(H).fill(0), c: Array(H).fill(0) }));
  return Array.from(tokens, (token) => {
    let input: number[];
    if (first === 1) {
      const { values, width } = tensor(0, 'weight');
      input = Array.from(values.subarray(token * width, (token + 1) * width));
    } else input = Array.from({ length: config.vocabularySize }, (_, v) => (v === token ? 1 : 0));
    return states.map((state, layer) => {
      const product = (name: 'ih' | 'hh', vector: readonly number[], row: number) => {
        const { values, width } = tensor(first + layer, `weight_${name}`);
        const bias = tensor(first + layer, `bias_${name}`).values[row] as number;
        return vector.reduce((sum, value, k) => sum + value * (values[row * width + k] as number), bias);
      };
      const before = [...state.h];
      const sum = (gate: number, u: number) =>
        product('ih', input, gate * H + u) + product('hh', before, gate * H + u);
      const each = (of: (u: number) => number) => Array.from({ length: H }, (_, u) => of(u));
      let parts: Record<string, number[]>;
      if (config.cell === 'lstm') {
        const [i, f, o] = [0, 1, 2].map((gate) => each((u) => sigmoid(sum(gate, u)))) as [
          number[],
          number[],
          number[],
        ];
        const g = each((u) => Math.tanh(sum(3, u)));
        state.c = each((u) => own(f, u) * state.c[u] + own(i, u) * own(g, u));
        state.h = each((u) => own(o, u) * Math.tanh(state.c[u]));
        parts = { i, f, o, g, c: state.c };
      } else if (config.cell === 'gru') {
        const [z, r] = [0, 1].map((gate) => each((u) => sigmoid(sum(gate, u)))) as [number[], number[]];
        const gated = before.map((value, u) => value * own(r, u));
        const n = each((u) => {
          const fromInput = product('ih', input, 2 * H + u);
          return Math.tanh(
            config.reset === 'after'
              ? fromInput + own(r, u) * product('hh', before, 2 * H + u)
              : fromInput + product('hh', gated, 2 * H + u),
          );
        });
        state.h = each((u) => own(z, u) * own(n, u) + (1 - own(z, u)) * own(before, u));
        parts = { z, r, n };
      } else {
        state.h = each((u) => Math.tanh(sum(0, u)));
        parts = {};
      }
      input = state.h;
      return { ...parts, h: state.h } as Record<string, number[]>;
    });
  });
}

const shape = { layers: 2, hiddenSize: 7, vocabularySize: SYMBOLS.length };
const configs: ModelConfig[] = CELL_KINDS.flatMap((kind) => [
  { ...shape, ...kind },
  { ...shape, ...kind, embeddingSize: 3 },
]);

for (const config of configs) {
  const name = [config.cell, config.reset, config.embeddingSize && 'embedding'].filter(Boolean).join(', ');
  test(`${name}: every part of every unit equals that of plain loops, on every engine`, async () => {
    const made = setUp(config);
    const expected = naiveStates(made);
    const engines = [
      { name: 'reference', engine: new ReferenceEngine('float64'), tolerance: 1e-12 },
      ...(await Promise.all(
        fastEngines.map(async ({ name, make }) => ({ name, engine: await make(), tolerance: 1e-5 })),
      )),
    ];
    for (const { name, engine, tolerance } of engines) {
      const parts = partsOf(config.cell);
      const bytes = engine.bytesInUse;
      const states = await readStates({ ...made, engine, parts });
      assert.ok(engine.bytesInUse - bytes < 1e6, 'only scratch memory stays');
      assert.equal(states.length, LENGTH);
      for (const layer of [1, 2])
        for (const part of parts)
          for (let unit = 1; unit <= config.hiddenSize; unit++) {
            const want = expected.map((layers) => layers[layer - 1]?.[part]?.[unit - 1] as number);
            // Recorded values are float32.
            const difference = largestDifference(states.column(layer, unit, part), want);
            assert.ok(
              difference <= Math.max(tolerance, 1e-7),
              `${name}: ${part} of unit ${layer}.${unit}: ${difference}`,
            );
          }
      assert.deepEqual(states.at(3, 2)[4], states.column(2, 5)[3]);
      for (const part of parts) {
        const alone = await readStates({ ...made, engine, parts: [part] });
        for (const layer of [1, 2])
          assert.deepEqual(alone.matrix(layer, part), states.matrix(layer, part), `${name}: ${part} alone`);
      }
      await engine.close();
    }
  });
}

test('only the chosen layers and parts are recorded, and others are errors', async () => {
  const made = setUp({ ...shape, cell: 'lstm' });
  const engine = new ReferenceEngine('float32');
  const states = await readStates({ ...made, engine, layers: [2], parts: ['f'] });
  assert.deepEqual(states.layers, [2]);
  assert.throws(() => states.column(1, 1, 'f'), /no values of f in layer 1/);
  assert.throws(() => states.column(2, 8, 'f'), /got unit 8, expected one from 1 to 7/);
  await assert.rejects(
    readStates({ ...made, engine, layers: [3], parts: ['h'] }),
    /got layer 3, expected one from 1 to 2/,
  );
  await assert.rejects(
    readStates({ ...made, engine, parts: ['z'] }),
    /got part z, expected one of h, c, i, f, o, g/,
  );
  const aborted = AbortSignal.abort(new Error('enough'));
  await assert.rejects(readStates({ ...made, engine, parts: ['h'], signal: aborted }), /enough/);
  const long = { ...made, tokens: new Int32Array(2 ** 27), symbols: [] };
  await assert.rejects(readStates({ ...long, engine, parts: ['h'] }), MemoryError);
});

test('saturation: the fractions of time for which a gate is nearly closed and nearly open', () => {
  const values = Float32Array.of(0.05, 0.95, 0.5, 0.99, 0, 0.2, 0.01, 0.92);
  const states = new UnitStates([...'abcd'], 2, [1], ['f'], new Map([['1 f', values]]));
  const { closed, open } = states.saturation(1, 'f');
  assert.deepEqual([...closed], [0.75, 0]);
  assert.deepEqual([...open], [0, 0.75]);
});
