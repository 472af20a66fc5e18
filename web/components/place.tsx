/** A button for a place in a text: the stretch and what is around it, on one line. */

export interface PlaceProps {
  readonly symbols: readonly string[];
  readonly from: number;
  readonly to: number;
  /** Symbols before the stretch. With fewer of them, it is indented, so that the stretches of a list are below each other. */
  readonly before: number;
  readonly onPick: () => void;
}

const AFTER = 12;

export function Place({ symbols, from, to, before, onPick }: PlaceProps) {
  const start = Math.max(0, from - before);
  return (
    <button type="button" onClick={onPick}>
      {' '.repeat(before - (from - start)) + onOneLine(symbols.slice(start, from))}
      <mark>{onOneLine(symbols.slice(from, to))}</mark>
      {onOneLine(symbols.slice(to, to + AFTER))}
    </button>
  );
}

function onOneLine(symbols: readonly string[]): string {
  return symbols
    .join('')
    .replaceAll('\n', '↵')
    .replace(/[\r\t]/g, ' ');
}
