import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { contrast, paletteOf, type Rgb, STEPS, stepOf, THEMES } from '../../web/palette.ts';
import { root } from '../cli/command.ts';

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
    const variables = variablesOf(name);
    assert.deepEqual(rgbOf(variables.get('--background')), theme.background);
    assert.deepEqual(rgbOf(variables.get('--ink')), theme.ink);
    const panel = rgbOf(variables.get('--panel'));
    for (const text of ['--ink', '--ink-soft', '--accent', '--problem', '--blue', '--orange'])
      for (const under of [panel, theme.background])
        assert.ok(contrast(rgbOf(variables.get(text)), under) >= 4.5, `${text} on ${under}`);
    assert.ok(contrast(rgbOf(variables.get('--on-accent')), rgbOf(variables.get('--accent'))) >= 4.5);
    assert.ok(contrast(rgbOf(variables.get('--mark')), theme.ink) >= 4.5);
  });
}

test('black on white has the contrast that WCAG gives', () => {
  assert.equal(contrast([0, 0, 0], [255, 255, 255]), 21);
});

function variablesOf(theme: string): Map<string, string> {
  const style = readFileSync(join(root, 'web', 'style.css'), 'utf8');
  const start = style.indexOf(theme === 'light' ? ':root {' : '[data-theme="dark"] {');
  const block = style.slice(start, style.indexOf('}', start));
  return new Map(
    Array.from(block.matchAll(/(--[\w-]+): (#\w{6});/g), ([, name, value]) => [
      name as string,
      value as string,
    ]),
  );
}

function rgbOf(hex = ''): Rgb {
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as unknown as Rgb;
}
