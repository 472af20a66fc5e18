/** A text coloured by how unexpected each character was, and the list of the most surprising places. */
import type pc from 'picocolors';
import type { SurprisingPlace } from '../../score/surprise.ts';

type Colors = ReturnType<typeof pc.createColors>;

/** The colour of a character that takes at least `bits`: 3 bits mean a probability of one in eight, 7 one in a hundred. */
const LEVELS = [
  { bits: 10, name: '10 bits and more', paint: (c: Colors) => (text: string) => c.bgRed(c.white(text)) },
  { bits: 7, name: '7', paint: (c: Colors) => c.red },
  { bits: 5, name: '5', paint: (c: Colors) => c.magenta },
  { bits: 3, name: '3', paint: (c: Colors) => c.yellow },
  { bits: 1, name: '1', paint: () => (text: string) => text },
  { bits: 0, name: 'less', paint: (c: Colors) => c.dim },
] as const;

/** A line that explains the colours. */
export function surpriseLegend(colors: Colors): string {
  const parts = LEVELS.map(({ name, paint }) => paint(colors)(name));
  return `bits per character: ${parts.join(', ')}`;
}

/** Paints text, with one colour code for neighbours of the same colour. */
export class SurprisePainter {
  readonly #paints: readonly ((text: string) => string)[];

  constructor(colors: Colors) {
    this.#paints = LEVELS.map(({ paint }) => paint(colors));
  }

  /** @param bits The loss of each symbol; NaN for a symbol without a prediction. */
  paint(symbols: readonly string[], bits: readonly number[]): string {
    let painted = '';
    let run = '';
    let level = -1;
    const flush = () => {
      if (run) painted += this.#paints[level]?.(run) ?? run;
      run = '';
    };
    symbols.forEach((symbol, i) => {
      const own = levelOf(bits[i] as number);
      if (own !== level) flush();
      level = own;
      run += symbol;
    });
    flush();
    return painted;
  }
}

/** Index into `LEVELS`; −1 for a symbol without a prediction. */
function levelOf(bits: number): number {
  return Number.isNaN(bits) ? -1 : LEVELS.findIndex((level) => bits >= level.bits);
}

/** One line for each place: its bits, line and column, and the text before it. */
export function placeLines(places: readonly SurprisingPlace[], colors: Colors): string[] {
  return places.map(({ bits, symbol, before, line, column }) => {
    const where = `${line}:${column}`;
    return `  ${bits.toFixed(1).padStart(5)} bits  ${where.padEnd(10)}  ${visible(before)}${colors.red(visible(symbol))}`;
  });
}

/** Makes line ends, tabs and control characters visible. */
function visible(text: string): string {
  return text
    .replaceAll('\n', '⏎')
    .replaceAll('\t', '⇥')
    .replace(/\p{Control}/gu, '\ufffd');
}
