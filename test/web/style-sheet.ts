/** The colours of style.css. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Rgb } from '../../web/palette.ts';
import { root } from '../cli/command.ts';

export type ThemeName = 'light' | 'dark';

/** A variable such as `--panel`. */
export function colourOf(theme: ThemeName, name: string): Rgb {
  const style = readFileSync(join(root, 'web', 'style.css'), 'utf8');
  const start = style.indexOf(theme === 'light' ? ':root {' : '[data-theme="dark"] {');
  const block = style.slice(start, style.indexOf('}', start));
  const found = new RegExp(`${name}: (#\\w{6});`).exec(block);
  if (!found) throw new Error(`style.css has no ${name} for ${theme}`);
  return rgbOf(found[1] as string);
}

/** @param hex Such as `#1b1f24`. */
export function rgbOf(hex: string): Rgb {
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as unknown as Rgb;
}
