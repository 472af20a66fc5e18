/** Units that do the same are grouped, exactly as the correlation of every pair says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sameUnits } from '../../src/inspect/same-units.ts';
import { statesKey, UnitStates } from '../../src/inspect/unit-states.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';

/** Layers whose units are mixtures of a few signals and noise, so that many pairs have an |r| near 0.9. */
function madeStates(length: number, units: number, layers: readonly number[]): UnitStates {
  const random = new MersenneTwister(3);
  const uniform = () => 2 * random.nextUniform() - 1;
  const signals = Array.from({ length: 6 }, () => Float64Array.from({ length }, uniform));
  const values = new Map(
    layers.map((layer) => {
      const all = new Float32Array(length * units);
      for (let u = 0; u < units; u++) {
        const own = signals[Math.floor(random.nextUniform() * signals.length)] as Float64Array;
        const sign = Math.sign(uniform());
        const noise = random.nextUniform() * 0.8;
        for (let t = 0; t < length; t++)
          all[t * units + u] = sign * (own[t] as number) + noise * uniform() + 0.3;
      }
      return [statesKey(layer, 'h'), all] as const;
    }),
  );
  return new UnitStates(Array(length).fill('x'), units, layers, ['h'], values);
}

/** With mean 0 and length 1, so that the product of two columns is their correlation. */
function standard(values: Float32Array): Float64Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const length = Math.hypot(...Array.from(values, (value) => value - mean));
  return Float64Array.from(values, (value) => (value - mean) / length);
}

function product(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let t = 0; t < a.length; t++) sum += (a[t] as number) * (b[t] as number);
  return sum;
}

for (const { length, units } of [
  { length: 300, units: 24 },
  // Long and wide enough that estimates have only some of the positions.
  { length: 6000, units: 120 },
])
  test(`${length} symbols, 2 × ${units} units: the groups are those of all pairs`, async () => {
    const states = madeStates(length, units, [1, 2]);
    const list = [2, 1].flatMap((layer) => Array.from({ length: units }, (_, u) => ({ layer, unit: u + 1 })));
    const columns = list.map(({ layer, unit }) => standard(states.column(layer, unit)));
    const firsts: number[] = [];
    let opposites = 0;
    const found = await sameUnits(states, list, 'h');
    for (const [index, column] of columns.entries()) {
      const as = firsts.find((first) => Math.abs(product(columns[first] as Float64Array, column)) > 0.9);
      assert.equal(found[index]?.as, as, `unit ${index}`);
      if (as === undefined) {
        firsts.push(index);
        continue;
      }
      const r = found[index]?.r as number;
      assert.ok(Math.abs(r - product(columns[as] as Float64Array, column)) < 1e-6);
      if (r < 0) opposites++;
    }
    assert.ok(firsts.length > 6 && firsts.length < list.length - 10, `${firsts.length} groups`);
    assert.ok(opposites > 3);
  });

test('units that do not change are in no group, and a signal ends the search', async () => {
  const still = new UnitStates(
    [...'abc'],
    2,
    [1],
    ['h'],
    new Map([[statesKey(1, 'h'), new Float32Array(6)]]),
  );
  const list = [1, 2].map((unit) => ({ layer: 1, unit }));
  assert.deepEqual(await sameUnits(still, list, 'h'), [undefined, undefined]);
  await assert.rejects(sameUnits(still, list, 'h', AbortSignal.abort(new Error('enough'))), /enough/);
});
