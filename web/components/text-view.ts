/**
 * A text with a coloured background for each symbol. The text is real: it can be selected, copied and read aloud. The colours are on a
 * canvas behind it, which is as large as the visible part and is painted once a frame, so that the length of the text makes no difference.
 *
 * Short texts are in the document as a whole. Of long ones only the visible lines are, so the browser's search and screen readers see only
 * those.
 */
import { joinSymbolTexts } from '../../src/data/symbols/symbol-text.ts';
import { theme } from '../theme.ts';
import { type Line, layOut } from './text-layout.ts';
import { edgesInDocument, type Marks, paintText } from './text-painter.ts';

/** Lines up to which the whole text is in the document. */
const WHOLE = 400;
/** Lines above and below the visible ones. */
const MARGIN = 4;

export class TextView {
  readonly element = document.createElement('div');
  readonly #canvas = document.createElement('canvas');
  readonly #body = document.createElement('div');
  readonly #text = document.createElement('div');
  #symbols: readonly string[] = [];
  #lines: Line[] = [];
  #values: ArrayLike<number> = [];
  #scale = 1;
  #marks: Marks = { caret: undefined, stretches: [] };
  #cell = { width: 8, height: 20 };
  #columns = 80;
  /** The lines that are in the document. */
  #shown = { from: 0, to: 0 };
  /** Whether these are lines of an earlier text, or of one that was broken for another width. */
  #isStale = false;
  #isGrowing = false;
  #frame = 0;
  /** Where a selection with the keyboard begins, and where the next key continues it. */
  #anchor: number | undefined;
  #head: number | undefined;
  readonly #observer = new ResizeObserver(() => this.#layOutAll());
  readonly #stopTheme: () => void;

  /** Called when the reader clicks a symbol or moves the caret to it. */
  onPick: (position: number) => void = () => {};
  /** Called when the reader selects a stretch. */
  onSelect: (from: number, to: number) => void = () => {};

  constructor(label: string) {
    this.element.className = 'text-view';
    this.element.tabIndex = 0;
    this.element.setAttribute('role', 'group');
    this.element.setAttribute('aria-label', label);
    this.#canvas.setAttribute('aria-hidden', 'true');
    this.#body.className = 'text-view-body';
    this.#text.className = 'text-view-text';
    this.#body.append(this.#canvas, this.#text);
    this.element.append(this.#body);
    this.element.addEventListener('scroll', () => this.#repaint(), { passive: true });
    this.element.addEventListener('pointerup', (event) => this.#pointed(event));
    this.element.addEventListener('keydown', (event) => this.#moved(event));
    this.element.addEventListener('copy', (event) => this.#copied(event));
    this.#observer.observe(this.element);
    this.#stopTheme = theme.subscribe(() => this.#repaint());
  }

  close(): void {
    this.#observer.disconnect();
    this.#stopTheme();
    cancelAnimationFrame(this.#frame);
    this.element.remove();
  }

  /** Replaces the text. A text that begins with the shown one only adds lines. */
  setText(symbols: readonly string[]): void {
    const last = this.#lines.at(-1);
    const same = commonLength(this.#symbols, symbols);
    const grows = last !== undefined && same === this.#symbols.length;
    const hasNew = symbols.length !== this.#symbols.length || !grows;
    this.#symbols = symbols;
    if (!hasNew) return;
    // The arrow keys continue from the reader's place if the text up to there is the same.
    if (Math.max(this.#head ?? 0, this.#anchor ?? 0) > same) this.#anchor = this.#head = undefined;
    if (grows) this.#lines.splice(-1, 1, ...layOut(symbols, this.#columns, last.from));
    else this.#lines = layOut(symbols, this.#columns);
    this.#isStale = true;
    this.#announceBusy(true);
    this.#resize();
  }

  /** @param scale The value that has the strongest colour. */
  setValues(values: ArrayLike<number>, scale: number): void {
    this.#values = values;
    this.#scale = scale || 1;
    this.#repaint();
  }

  setMarks(marks: Marks): void {
    this.#marks = marks;
    this.#repaint();
  }

  /** Says whether more text will follow. The element is busy until the text is complete and in the document. */
  setGrowing(isGrowing: boolean): void {
    this.#isGrowing = isGrowing;
    if (isGrowing) this.#announceBusy(true);
    else this.#repaint();
  }

  /** Scrolls to a symbol. */
  reveal(position: number): void {
    const line = this.#lineOf(position);
    const top = line * this.#cell.height;
    const { scrollTop, clientHeight } = this.element;
    if (top < scrollTop || top + this.#cell.height > scrollTop + clientHeight)
      this.element.scrollTop = top - clientHeight / 2;
  }

  scrollToEnd(): void {
    this.element.scrollTop = this.element.scrollHeight;
  }

  #layOutAll(): void {
    const probe = document.createElement('span');
    probe.textContent = 'x'.repeat(100);
    this.#text.append(probe);
    const { width, height } = probe.getBoundingClientRect();
    const lineHeight = Number.parseFloat(getComputedStyle(this.#text).lineHeight);
    probe.remove();
    if (width === 0) return;
    this.#cell = { width: width / 100, height: lineHeight || height };
    const style = getComputedStyle(this.element);
    const padding = Number.parseFloat(style.paddingLeft) + Number.parseFloat(style.paddingRight);
    const columns = Math.max(10, Math.floor((this.element.clientWidth - padding) / this.#cell.width));
    if (columns !== this.#columns || this.#lines.length === 0) {
      this.#columns = columns;
      this.#lines = layOut(this.#symbols, columns);
      this.#isStale = true;
    }
    this.#resize();
  }

  #resize(): void {
    this.#body.style.height = `${Math.max(1, this.#lines.length) * this.#cell.height}px`;
    this.#repaint();
  }

  #repaint(): void {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#paint();
    });
  }

  #paint(): void {
    const { height } = this.#cell;
    const { scrollTop, clientHeight } = this.element;
    const from = Math.max(0, Math.floor(scrollTop / height) - MARGIN);
    const to = Math.min(this.#lines.length, Math.ceil((scrollTop + clientHeight) / height) + MARGIN);
    const inDocument = this.#lines.length <= WHOLE ? { from: 0, to: this.#lines.length } : { from, to };
    const { from: shownFrom, to: shownTo } = this.#shown;
    if (this.#isStale || inDocument.from !== shownFrom || inDocument.to !== shownTo) this.#show(inDocument);
    this.#announceBusy(this.#isGrowing);
    paintText(this.#canvas, this.#body.clientWidth, {
      ...{ lines: this.#lines, from, to, height, values: this.#values, scale: this.#scale },
      ...{ marks: this.#marks, edges: (line) => this.#edges(line) },
    });
  }

  #announceBusy(isBusy: boolean): void {
    const value = String(isBusy);
    // Observers hear of every call, also of one that changes nothing.
    if (this.element.getAttribute('aria-busy') !== value) this.element.setAttribute('aria-busy', value);
  }

  /** Puts lines into the document. */
  #show(range: { readonly from: number; readonly to: number }): void {
    const rows = this.#lines.slice(range.from, range.to).map(({ from, length, text }) => {
      const row = document.createElement('div');
      // The end of a line of the text, but not where a line is only broken to fit: so the content of the rows is the text.
      row.textContent = this.#symbols[from + length - 1] === '\n' ? `${text}\n` : text;
      return row;
    });
    this.#text.replaceChildren(...rows);
    this.#text.style.transform = `translateY(${range.from * this.#cell.height}px)`;
    this.#shown = range;
    this.#isStale = false;
  }

  /** The left edge of each symbol of a line. The line end takes one column. */
  #edges(index: number): (symbol: number) => number {
    const { width } = this.#cell;
    const line = this.#lines[index] as Line;
    const row = this.#text.children[index - this.#shown.from];
    if (line.isPlain || !row?.firstChild) return (symbol) => symbol * width;
    return edgesInDocument(row, line, this.#symbols, width);
  }

  #lineOf(position: number): number {
    let low = 0;
    let high = this.#lines.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#lines[middle] as Line).from <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The symbol at a point of the page, or the nearest one of its line. */
  #symbolAt(x: number, y: number): number | undefined {
    const box = this.#body.getBoundingClientRect();
    const index = Math.floor((y - box.top) / this.#cell.height);
    const line = this.#lines[index];
    if (!line) return undefined;
    const edges = this.#edges(index);
    for (let c = 0; c < line.length; c++) if (x - box.left < edges(c + 1)) return line.from + c;
    return line.from + Math.max(0, line.length - 1);
  }

  #pointed(event: PointerEvent): void {
    if (event.button !== 0) return;
    const stretch = this.#selected();
    if (stretch) {
      this.onSelect(stretch.from, stretch.to);
      return;
    }
    const position = this.#symbolAt(event.clientX, event.clientY);
    if (position !== undefined) this.#pick(position);
  }

  /** The selected symbols; undefined if none are, or if the selection reaches outside the text. */
  #selected(): { readonly from: number; readonly to: number } | undefined {
    const selection = document.getSelection();
    if (!selection?.rangeCount) return undefined;
    const { startContainer, startOffset, endContainer, endOffset } = selection.getRangeAt(0);
    if (!this.element.contains(startContainer) || !this.element.contains(endContainer)) return undefined;
    const from = this.#symbolBefore(startContainer, startOffset);
    const to = this.#symbolBefore(endContainer, endOffset);
    return from < to ? { from, to } : undefined;
  }

  /** The number of symbols before a point of the document. */
  #symbolBefore(node: Node, offset: number): number {
    if (!this.#text.contains(node)) {
      const point = document.createRange();
      point.setStart(node, offset);
      return point.comparePoint(this.#text, 0) > 0 ? 0 : this.#symbols.length;
    }
    const row =
      node === this.#text ? offset : [...this.#text.children].findIndex((own) => own.contains(node));
    const line = row < 0 ? undefined : this.#lines[this.#shown.from + row];
    // Below the last row.
    if (!line) return this.#symbols.length;
    if (!(node instanceof Text)) return line.from + (node !== this.#text && offset > 0 ? line.length : 0);
    let at = line.from;
    for (let left = offset; left > 0 && at < line.from + line.length; at++)
      left -= (this.#symbols[at] as string).length;
    return at;
  }

  /** Copies the selected text without the line breaks that only the page has. */
  #copied(event: ClipboardEvent): void {
    const stretch = this.#selected();
    if (!stretch) return;
    event.clipboardData?.setData(
      'text/plain',
      joinSymbolTexts(this.#symbols.slice(stretch.from, stretch.to)),
    );
    event.preventDefault();
  }

  #moved(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey || this.#symbols.length === 0) return;
    if (!/^(Arrow|Home$|End$)/.test(event.key)) return;
    const head = this.#head;
    const to = head === undefined ? 0 : this.#target(event.key, head, this.#lineOf(head));
    event.preventDefault();
    const next = Math.max(0, Math.min(this.#symbols.length - 1, to));
    this.reveal(next);
    if (event.shiftKey && this.#anchor !== undefined) {
      this.#head = next;
      this.onSelect(Math.min(this.#anchor, next), Math.max(this.#anchor, next) + 1);
    } else this.#pick(next);
  }

  #pick(position: number): void {
    this.#anchor = position;
    this.#head = position;
    this.onPick(position);
  }

  #target(key: string, caret: number, index: number): number {
    const line = this.#lines[index] as Line;
    const column = caret - line.from;
    const on = (other: Line | undefined) =>
      other && Math.min(other.from + column, other.from + other.length - 1);
    switch (key) {
      case 'ArrowLeft':
        return caret - 1;
      case 'ArrowRight':
        return caret + 1;
      case 'ArrowUp':
        return on(this.#lines[index - 1]) ?? caret;
      case 'ArrowDown':
        return on(this.#lines[index + 1]) ?? caret;
      case 'Home':
        return line.from;
      default:
        return line.from + line.length - 1;
    }
  }
}

/** The number of symbols at the start that two texts share. */
function commonLength(a: readonly string[], b: readonly string[]): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a[length] === b[length]) length++;
  return length;
}
