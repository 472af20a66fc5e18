/** Whether the lines of runs can be told apart, computed: also by readers who lack one kind of cones. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { contrast, type Rgb } from '../../web/palette.ts';
import { assignStyles, DASHES, HUES, STYLE_COUNT, styleOf } from '../../web/run-colours.ts';
import { difference, VISIONS } from './colour-vision.ts';
import { colourOf, rgbOf } from './style-sheet.ts';

/** Of CIELAB, between any two colours. The smallest difference that is seen on large areas is 2.3. */
const LEAST_DIFFERENCE = 24;

for (const theme of ['light', 'dark'] as const)
  describe(theme, () => {
    const colours = HUES[theme];

    test('the contrast of each colour to the page and its panels is at least 3', () => {
      for (const colour of colours)
        for (const under of ['--background', '--panel'])
          assert.ok(contrast(rgbOf(colour), colourOf(theme, under)) >= 3, `${colour} on ${under}`);
    });

    for (const [vision, matrix] of Object.entries(VISIONS))
      test(`${vision}: any two colours differ by at least ${LEAST_DIFFERENCE}`, () => {
        for (const [at, one] of colours.entries())
          for (const other of colours.slice(at + 1)) {
            const found = difference(rgbOf(one), rgbOf(other), matrix);
            assert.ok(found >= LEAST_DIFFERENCE, `${one} and ${other}: ${found.toFixed(1)}`);
          }
      });

    test('no two styles have the same colour and the same dash', () => {
      const styles = Array.from({ length: STYLE_COUNT }, (_, number) =>
        JSON.stringify(styleOf(number, theme)),
      );
      assert.equal(new Set(styles).size, STYLE_COUNT);
      assert.equal(STYLE_COUNT, colours.length * DASHES.length);
    });
  });

describe('the styles of runs', () => {
  const ids = Array.from({ length: 2 * STYLE_COUNT }, (_, at) => `run${at}`);

  test('are all different as long as there are enough, and shared evenly after that', () => {
    const some = assignStyles(ids.slice(0, STYLE_COUNT), new Map());
    assert.equal(new Set(some.values()).size, STYLE_COUNT);
    const all = [...assignStyles(ids, new Map()).values()];
    for (let style = 0; style < STYLE_COUNT; style++)
      assert.equal(all.filter((own) => own === style).length, 2, `style ${style}`);
  });

  test('the first runs have solid lines', () => {
    for (const style of assignStyles(ids.slice(0, HUES.light.length), new Map()).values())
      assert.deepEqual(styleOf(style, 'light').dash, []);
  });

  test('stay the same when other runs come and go', () => {
    const before = assignStyles(ids.slice(0, 8), new Map());
    const after = assignStyles([...ids.slice(20, 30), ...ids.slice(3, 8)], before);
    for (const id of ids.slice(3, 8)) assert.equal(after.get(id), before.get(id), id);
    assert.equal(new Set(after.values()).size, 15);
  });
});

test('the matrices detect two earlier colours that readers without green cones could not tell apart', () => {
  const [blue, violet]: Rgb[] = [rgbOf('#0072b2'), rgbOf('#8b3fb0')] as [Rgb, Rgb];
  assert.ok(difference(blue as Rgb, violet as Rgb, VISIONS['without green cones']) < 2);
  assert.ok(difference(blue as Rgb, violet as Rgb, VISIONS['full colour vision']) > 20);
});
