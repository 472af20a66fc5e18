/**
 * A colour and a dash for each run that is drawn.
 *
 * Any two of the six colours differ by at least 24 in CIELAB (ΔE 1976), for readers with full colour vision and without red, green or blue
 * cones; 2.3 is just noticeable on large areas, and lines need several times that. Runs of the same colour differ in their dashes. All
 * colours have a contrast of at least 3 to the page and its panels (WCAG 2.2, 1.4.11). test/web/run-colours.test.ts computes all this.
 */

export const HUES = {
  light: ['#0b57d0', '#7d2e00', '#1a9a72', '#dd3aa8', '#30343a', '#958200'],
  dark: ['#cfe3f7', '#e0561a', '#4fe09a', '#d65fd0', '#f0c81e', '#7a828c'],
} as const;

/** Lengths of lines and gaps in pixels; the first is solid. */
export const DASHES: readonly (readonly number[])[] = [[], [10, 5], [2, 4], [12, 4, 2, 4]];

const HUE_COUNT = HUES.light.length;

/** How many runs can look different. */
export const STYLE_COUNT = HUE_COUNT * DASHES.length;

export interface RunStyle {
  readonly colour: string;
  readonly dash: readonly number[];
}

/**
 * Chooses styles, as numbers below STYLE_COUNT, which are all different if there are at most STYLE_COUNT runs. A run keeps the style that
 * it had. The first runs get solid lines, in a colour that depends on their ids, so that it is mostly the same when the page is opened
 * again.
 *
 * @param before The styles so far, also of runs that are no longer drawn.
 */
export function assignStyles(
  ids: readonly string[],
  before: ReadonlyMap<string, number>,
): Map<string, number> {
  const assigned = new Map<string, number>();
  const users = new Array<number>(STYLE_COUNT).fill(0);
  const assign = (id: string, style: number) => {
    assigned.set(id, style);
    users[style] = usersOf(style) + 1;
  };
  const usersOf = (style: number) => users[style] as number;
  for (const id of ids) {
    const known = before.get(id);
    if (known !== undefined && usersOf(known) === 0) assign(id, known);
  }
  for (const id of ids) {
    if (assigned.has(id)) continue;
    const first = hashOf(id) % HUE_COUNT;
    const order = users.map((_, at) => at - (at % HUE_COUNT) + ((first + at) % HUE_COUNT));
    assign(
      id,
      order.reduce((best, style) => (usersOf(style) < usersOf(best) ? style : best)),
    );
  }
  return assigned;
}

export function styleOf(number: number, theme: keyof typeof HUES): RunStyle {
  return {
    colour: HUES[theme][number % HUE_COUNT] as string,
    dash: DASHES[Math.floor(number / HUE_COUNT)] ?? [],
  };
}

function hashOf(id: string): number {
  let hash = 0;
  for (const char of id) hash = (hash * 31 + char.charCodeAt(0)) >>> 0;
  return hash;
}
