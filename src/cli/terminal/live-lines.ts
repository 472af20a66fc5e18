/** Lines at the bottom of a terminal that are redrawn, below lines that stay. */
import type { WriteStream } from 'node:tty';
import { stripVTControlCharacters } from 'node:util';
import { columnsOf } from './text-width.ts';

const ESCAPE = '\u001b[';
const HIDE_CURSOR = `${ESCAPE}?25l`;
const SHOW_CURSOR = `${ESCAPE}?25h`;
const CLEAR_BELOW = `${ESCAPE}J`;

export class LiveLines {
  readonly #stream: WriteStream;
  #lines: readonly string[] = [];
  readonly #restore = () => this.#stream.write(SHOW_CURSOR);

  constructor(stream: WriteStream) {
    this.#stream = stream;
    stream.write(HIDE_CURSOR);
    process.on('exit', this.#restore);
  }

  /** The largest width of a line, in columns. */
  get width(): number {
    return Math.max(20, (this.#stream.columns ?? 80) - 1);
  }

  /** Replaces the lines that were drawn before. */
  draw(lines: readonly string[]): void {
    this.#stream.write(this.#erasing() + this.#text(lines));
    this.#lines = lines;
  }

  /** Prints a line that stays, above the live ones. */
  print(line: string): void {
    this.#stream.write(`${this.#erasing()}${line}\n${this.#text(this.#lines)}`);
  }

  /** Leaves the last lines on the screen, and the cursor below them. */
  close(): void {
    this.#lines = [];
    this.#stream.write(SHOW_CURSOR);
    process.off('exit', this.#restore);
  }

  #text(lines: readonly string[]): string {
    return lines.map((line) => `${line}\n`).join('');
  }

  /** Moves to the first live line and clears from there on. */
  #erasing(): string {
    if (this.#lines.length === 0) return '';
    // If the window is narrower now, the terminal has wrapped the lines.
    const rows = this.#lines.map((line) =>
      Math.max(1, Math.ceil(columnsOf(stripVTControlCharacters(line)) / (this.width + 1))),
    );
    return `${ESCAPE}${rows.reduce((sum, count) => sum + count, 0)}A\r${CLEAR_BELOW}`;
  }
}
