/** Paints the colours and marks of a text on the canvas behind it, and measures its symbols. */
import { css, paletteOf, STEPS, stepOf, THEMES } from '../palette.ts';
import { theme } from '../theme.ts';
import type { Line } from './text-layout.ts';

export interface Marks {
  /** Outlined; undefined: none. */
  readonly caret: number | undefined;
  /** Underlined stretches. */
  readonly stretches: readonly { readonly from: number; readonly to: number }[];
}

export interface PaintedText {
  readonly lines: readonly Line[];
  /** The lines that are painted. */
  readonly from: number;
  readonly to: number;
  /** Of each symbol. */
  readonly values: ArrayLike<number>;
  /** The value that has the strongest colour. */
  readonly scale: number;
  readonly marks: Marks;
  /** Of a line, in CSS pixels. */
  readonly height: number;
  /** The left edge of each symbol of a line. */
  edges(line: number): (symbol: number) => number;
}

/** x, y, width */
type Box = readonly [number, number, number];

/**
 * Paints some lines of a text on a canvas that is as large as they are.
 *
 * @param width Of the canvas, in CSS pixels.
 */
export function paintText(canvas: HTMLCanvasElement, width: number, text: PaintedText): void {
  const { lines, from, to, values, scale, height } = text;
  const ratio = devicePixelRatio;
  const tall = Math.max(1, (to - from) * height);
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(tall * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(tall * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${tall}px`;
  }
  canvas.style.transform = `translateY(${from * height}px)`;
  const context = canvas.getContext('2d');
  if (!context) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, tall);
  const colours = paletteOf(THEMES[theme.value]).map(css);
  // One fill style for each colour: changing it is slow.
  const boxes: Box[][] = Array.from({ length: STEPS }, () => []);
  for (let k = from; k < to; k++) {
    const line = lines[k] as Line;
    const edges = text.edges(k);
    for (let c = 0; c < line.length; c++) {
      const value = values[line.from + c];
      if (value === undefined || Number.isNaN(value)) continue;
      const [left, right] = [edges(c), edges(c + 1)];
      boxes[stepOf(value / scale)]?.push([left, (k - from) * height, right - left]);
    }
  }
  for (const [step, own] of boxes.entries()) {
    if (step === (STEPS - 1) / 2) continue;
    context.fillStyle = colours[step] as string;
    for (const [x, y, w] of own) context.fillRect(x, y, w + 0.5, height);
  }
  paintMarks(context, text);
}

function paintMarks(context: CanvasRenderingContext2D, text: PaintedText): void {
  const { lines, from, to, height } = text;
  const { caret, stretches } = text.marks;
  context.strokeStyle = css(THEMES[theme.value].ink);
  context.fillStyle = context.strokeStyle;
  for (let k = from; k < to; k++) {
    const line = lines[k] as Line;
    const edges = text.edges(k);
    for (const stretch of stretches) {
      const first = Math.max(stretch.from, line.from);
      const last = Math.min(stretch.to, line.from + line.length);
      if (first >= last) continue;
      const x = edges(first - line.from);
      context.fillRect(x, (k - from + 1) * height - 2, edges(last - line.from) - x, 2);
    }
    if (caret === undefined || caret < line.from || caret >= line.from + line.length) continue;
    const x = edges(caret - line.from);
    context.lineWidth = 2;
    context.strokeRect(x, (k - from) * height + 1, edges(caret - line.from + 1) - x, height - 2);
  }
}

/** Measures the symbols of a line that is in the document. */
export function edgesInDocument(
  row: Element,
  line: Line,
  symbols: readonly string[],
  width: number,
): (symbol: number) => number {
  const node = row.firstChild as Text;
  const left = row.getBoundingClientRect().left;
  const range = document.createRange();
  const edges: number[] = [];
  let offset = 0;
  let end = 0;
  for (let c = 0; c < line.length; c++) {
    const symbol = symbols[line.from + c] as string;
    edges.push(end);
    if (symbol === '\n' || offset >= node.length) {
      end += width;
      continue;
    }
    range.setStart(node, offset);
    offset = Math.min(node.length, offset + symbol.length);
    range.setEnd(node, offset);
    end = range.getBoundingClientRect().right - left;
  }
  edges.push(end);
  return (symbol) => edges[symbol] ?? end;
}
