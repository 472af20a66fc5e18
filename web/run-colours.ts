/** A colour and a dash for each run, by its id, so that it keeps them. */
import { theme } from './theme.ts';

/** Eight hues that every kind of colour blindness tells apart, after Okabe & Ito (2008), with a contrast of at least 3 to the background. */
const HUES = {
  light: ['#0072b2', '#b35900', '#007a5a', '#b0457f', '#3d7aa8', '#8a6d00', '#444444', '#8b3fb0'],
  dark: ['#56b4e9', '#e69f00', '#2fc79b', '#e39ac2', '#8ec5e8', '#e6d84a', '#d0d0d0', '#c79be0'],
} as const;

const DASHES = [undefined, [8, 4], [2, 4]] as const;

export interface RunStyle {
  readonly colour: string;
  readonly dash: readonly number[] | undefined;
}

export function styleOfRun(id: string): RunStyle {
  let hash = 0;
  for (const char of id) hash = (hash * 31 + char.charCodeAt(0)) >>> 0;
  const hues = HUES[theme.value];
  return {
    colour: hues[hash % hues.length] as string,
    dash: DASHES[Math.floor(hash / hues.length) % DASHES.length],
  };
}
