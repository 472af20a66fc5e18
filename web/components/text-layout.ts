/** Breaks a text of symbols into lines of a given width. */

export interface Line {
  /** Index of its first symbol. */
  readonly from: number;
  /** Symbols, with the line end, if any. */
  readonly length: number;
  /** The text that is shown: without the line end. */
  readonly text: string;
  /** Whether every symbol is one column wide, so that the place of a symbol follows from its number. */
  readonly isPlain: boolean;
}

const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const PLAIN = /^[\x20-\x7e]$/;
const TAB_COLUMNS = 4;

function columnsOf(symbol: string): number {
  if (PLAIN.test(symbol)) return 1;
  if (symbol === '\t') return TAB_COLUMNS;
  return WIDE.test(symbol) ? 2 : Array.from(symbol).length;
}

/**
 * Lays out symbols from an index on. A line breaks after a space in its second half, else anywhere.
 *
 * @param columns Columns of a line.
 */
export function layOut(symbols: readonly string[], columns: number, start = 0): Line[] {
  const lines: Line[] = [];
  let from = start;
  let width = 0;
  let lastSpace = -1;
  const end = (to: number) => {
    lines.push(lineOf(symbols, from, to));
    from = to;
  };
  for (let t = start; t < symbols.length; t++) {
    const symbol = symbols[t] as string;
    if (symbol === '\n') {
      end(t + 1);
      width = 0;
      lastSpace = -1;
      continue;
    }
    const own = columnsOf(symbol);
    if (width + own > columns && t > from) {
      const cut = lastSpace >= from + (t - from) / 2 ? lastSpace + 1 : t;
      end(cut);
      width = 0;
      for (let k = cut; k < t; k++) width += columnsOf(symbols[k] as string);
      lastSpace = -1;
    }
    if (symbol === ' ') lastSpace = t;
    width += own;
  }
  if (from < symbols.length) end(symbols.length);
  return lines;
}

function lineOf(symbols: readonly string[], from: number, to: number): Line {
  const own = symbols.slice(from, to);
  const shown = own.at(-1) === '\n' ? own.slice(0, -1) : own;
  return {
    ...{ from, length: to - from, text: shown.map(visible).join('') },
    isPlain: shown.every((symbol) => PLAIN.test(symbol)),
  };
}

/** A carriage return would break the line. */
function visible(symbol: string): string {
  return symbol === '\r' ? '␍' : symbol;
}
