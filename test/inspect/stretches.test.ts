import assert from 'node:assert/strict';
import { test } from 'node:test';
import { activeUnits, similarPlaces } from '../../src/inspect/stretches.ts';
import { statesKey, UnitStates } from '../../src/inspect/unit-states.ts';

/** Two layers of two units over 40 symbols: unit 2 of layer 1 is on at 10–14 and 30–34, and low at 20–24; the others are noise. */
function madeStates(): UnitStates {
  const length = 40;
  const noise = (k: number) => Math.sin(k * 12.9898) * 0.1;
  const first = new Float32Array(2 * length).map((_, k) => noise(k));
  const second = new Float32Array(2 * length).map((_, k) => noise(k + 500));
  for (let t = 0; t < length; t++) {
    const isOn = (t >= 10 && t < 15) || (t >= 30 && t < 35);
    first[2 * t + 1] = isOn ? 1 : t >= 20 && t < 25 ? -1 : noise(t);
  }
  const values = new Map([
    [statesKey(1, 'h'), first],
    [statesKey(2, 'h'), second],
  ]);
  return new UnitStates(Array(length).fill('x'), 2, [1, 2], ['h'], values);
}

test('the unit that is on in a stretch comes first, and its other place is found', () => {
  const states = madeStates();
  const [first] = activeUnits(states, { from: 10, to: 15 });
  assert.deepEqual([first?.layer, first?.unit], [1, 2]);
  assert.ok(first && first.strength > 1, `${first?.strength}`);
  const [place, ...others] = similarPlaces(states, { from: 10, to: 15 }, [first]);
  assert.deepEqual([place?.from, place?.to], [30, 35]);
  assert.equal(others.length, 0, 'only places at least half as strong');
});

test('a unit that is low in a stretch has a negative strength, and other low places count', () => {
  const states = madeStates();
  const [first] = activeUnits(states, { from: 20, to: 25 });
  assert.deepEqual([first?.layer, first?.unit], [1, 2]);
  assert.ok(first && first.strength < -1);
  assert.deepEqual(similarPlaces(states, { from: 20, to: 25 }, [first]), []);
});

test('a unit that never changes has strength 0; stretches outside the text are errors', () => {
  const states = new UnitStates(
    ['a', 'b'],
    1,
    [1],
    ['h'],
    new Map([[statesKey(1, 'h'), new Float32Array(2)]]),
  );
  assert.equal(activeUnits(states, { from: 0, to: 1 })[0]?.strength, 0);
  assert.throws(() => activeUnits(states, { from: 0, to: 3 }), /within the 2 symbols/);
  assert.throws(() => similarPlaces(states, { from: 1, to: 1 }, []), /within the 2 symbols/);
});
