/** A text coloured by the values of one unit: blue for low values, red for high ones. */
import type pc from 'picocolors';

type Colors = ReturnType<typeof pc.createColors>;

/** The colour of a character at which the unit has at least this value. */
const LEVELS = [
  { value: 0.6, name: '0.6 and more', paint: (c: Colors) => (text: string) => c.bgRed(c.white(text)) },
  { value: 0.2, name: '0.2', paint: (c: Colors) => c.red },
  { value: -0.2, name: '−0.2', paint: () => (text: string) => text },
  { value: -0.6, name: '−0.6', paint: (c: Colors) => c.blue },
  {
    value: Number.NEGATIVE_INFINITY,
    name: 'less',
    paint: (c: Colors) => (text: string) => c.bgBlue(c.white(text)),
  },
] as const;

/** A line that explains the colours. */
export function unitLegend(colors: Colors): string {
  return LEVELS.map(({ name, paint }) => paint(colors)(name)).join(', ');
}

/** Paints symbols by the value at each, with one colour code for neighbours of the same colour. */
export function paintByUnit(symbols: readonly string[], values: Float32Array, colors: Colors): string {
  const paints = LEVELS.map(({ paint }) => paint(colors));
  let painted = '';
  for (let from = 0; from < symbols.length; ) {
    const level = levelOf(values[from] as number);
    let to = from + 1;
    while (to < symbols.length && levelOf(values[to] as number) === level) to++;
    // A background must not reach beyond a line.
    const own = symbols.slice(from, to).join('');
    painted += own.replace(/[^\n]+/g, (line) => paints[level]?.(line) ?? line);
    from = to;
  }
  return painted;
}

function levelOf(value: number): number {
  return LEVELS.findIndex((level) => value >= level.value);
}
