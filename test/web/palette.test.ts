import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contrast, paletteOf, STEPS, stepOf, THEMES } from '../../web/palette.ts';
import { difference, VISIONS } from './colour-vision.ts';
import { colourOf, type ThemeName } from './style-sheet.ts';

for (const [name, theme] of Object.entries(THEMES)) {
  test(`${name}: text over every step of the palette has a contrast of at least 4.5`, () => {
    const colours = paletteOf(theme);
    assert.equal(colours.length, STEPS);
    assert.deepEqual(colours[stepOf(0)], theme.background);
    for (const [step, colour] of colours.entries())
      assert.ok(
        contrast(colour, theme.ink) >= 4.5,
        `step ${step}: ${contrast(colour, theme.ink).toFixed(2)}`,
      );
  });

  test(`${name}: the colours of style.css`, () => {
    const colour = (variable: string) => colourOf(name as ThemeName, variable);
    assert.deepEqual(colour('--background'), theme.background);
    assert.deepEqual(colour('--ink'), theme.ink);
    const panel = colour('--panel');
    for (const text of ['--ink', '--ink-soft', '--accent', '--problem', '--blue', '--orange'])
      for (const under of [panel, theme.background])
        assert.ok(contrast(colour(text), under) >= 4.5, `${text} on ${under}`);
    assert.ok(contrast(colour('--on-accent'), colour('--accent')) >= 4.5);
    assert.ok(contrast(colour('--mark'), theme.ink) >= 4.5);
  });

  test(`${name}: the lines of the charts stand out, and can be told apart`, () => {
    const lines = ['--faint', '--blue', '--orange'].map((line) => colourOf(name as ThemeName, line));
    for (const line of lines)
      for (const under of ['--panel', '--background'])
        assert.ok(contrast(line, colourOf(name as ThemeName, under)) >= 3, `${line} on ${under}`);
    for (const vision of Object.values(VISIONS))
      for (const [at, line] of lines.entries())
        for (const other of lines.slice(at + 1)) assert.ok(difference(line, other, vision) >= 20);
  });
}

test('black on white has the contrast that WCAG gives', () => {
  assert.equal(contrast([0, 0, 0], [255, 255, 255]), 21);
});
