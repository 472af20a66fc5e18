/**
 * Colours for numbers: blue for negative, orange for positive ones, over the page's own background. Every kind of colour blindness tells these two
 * hues apart. Text over any step has a contrast of at least 4.5 (WCAG 2.2, 1.4.3), which test/web/palette.test.ts computes.
 */

export type Rgb = readonly [number, number, number];

/** Odd: the middle step, for 0, is the background. */
export const STEPS = 33;

export interface Theme {
  readonly background: Rgb;
  readonly ink: Rgb;
  readonly negative: Rgb;
  readonly positive: Rgb;
  /** How much of the hue the strongest step has. */
  readonly strength: number;
}

/** The same colours as in style.css. */
export const THEMES: Readonly<Record<'light' | 'dark', Theme>> = {
  light: {
    background: [255, 255, 255],
    ink: [27, 31, 36],
    negative: [58, 124, 214],
    positive: [240, 140, 40],
    strength: 0.85,
  },
  dark: {
    background: [22, 25, 30],
    ink: [232, 234, 237],
    negative: [48, 104, 190],
    positive: [196, 98, 16],
    strength: 0.78,
  },
};

/** The colour of each step, from −1 to 1. */
export function paletteOf({ background, negative, positive, strength }: Theme): Rgb[] {
  const middle = (STEPS - 1) / 2;
  return Array.from({ length: STEPS }, (_, step) => {
    const value = (step - middle) / middle;
    const share = Math.abs(value) ** 0.8 * strength;
    const hue = value < 0 ? negative : positive;
    return background.map((own, k) => Math.round(own + ((hue[k] as number) - own) * share)) as unknown as Rgb;
  });
}

/** The step of a value from −1 to 1; values beyond count as ±1. */
export function stepOf(value: number): number {
  const middle = (STEPS - 1) / 2;
  return Math.round((Math.max(-1, Math.min(1, value)) + 1) * middle);
}

export function css([red, green, blue]: Rgb): string {
  return `rgb(${red} ${green} ${blue})`;
}

/** The contrast ratio of two colours, from 1 to 21 (WCAG 2.2). */
export function contrast(a: Rgb, b: Rgb): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: Rgb): number {
  const [red, green, blue] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
