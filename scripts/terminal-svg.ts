/** Draws the screen of a terminal as a self-contained SVG. */

/** Pixels of a character cell, and of the space around the screen. */
const CELL = { width: 8.43, height: 19, size: 14 };
const MARGIN = 16;
/** Height of the bar with the three buttons. */
const TITLE = 34;

const BACKGROUND = '#1e2127';
const FOREGROUND = '#dcdfe4';
/** For SGR codes 30 to 37; the same for 90 to 97. */
const COLOURS = ['#5c6370', '#e06c75', '#98c379', '#e5c07b', '#61afef', '#c678dd', '#56b6c2', '#dcdfe4'];

/** How a character is drawn. */
interface Style {
  readonly fill?: string | undefined;
  readonly bold?: boolean | undefined;
  readonly dim?: boolean | undefined;
}

/** Neighbouring characters of one style. */
interface Run {
  readonly column: number;
  readonly text: string;
  readonly style: Style;
}

/**
 * Draws what `tmux capture-pane -e -p` printed.
 *
 * Every run of characters has an explicit length in the SVG, so that columns line up in any font. Bars and block characters are drawn as
 * rectangles, because fonts leave gaps between them.
 *
 * @param screen Lines of text with SGR sequences. Each character is one column wide.
 * @param columns Width of the terminal.
 * @param label Describes the picture to readers who can't see it.
 */
export function terminalSvg(screen: string, columns: number, label: string): string {
  const lines = parseScreen(screen);
  const width = Math.ceil(columns * CELL.width + 2 * MARGIN);
  const height = TITLE + lines.length * CELL.height + MARGIN;
  const buttons = [20, 40, 60].map((x) => `<circle cx="${x}" cy="18" r="6"/>`).join('');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(label)}">`,
    `<rect width="${width}" height="${height}" rx="8" fill="${BACKGROUND}"/>`,
    `<g fill="${COLOURS[0]}">${buttons}</g>`,
    `<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${CELL.size}" fill="${FOREGROUND}">`,
    ...lines.flatMap((runs, row) => runs.flatMap((run) => drawn(run, TITLE + row * CELL.height))),
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

/** The runs of each line, without blank lines at the end. */
function parseScreen(screen: string): Run[][] {
  let style: Style = {};
  const lines = screen.split('\n').map((line) => {
    const runs: Run[] = [];
    let column = 0;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the sequences begin with one
    for (const [part, codes] of line.matchAll(/\x1b\[([\d;]*)m|[^\x1b]+/g)) {
      if (codes !== undefined) {
        style = codes.split(';').reduce(styleAfter, style);
        continue;
      }
      runs.push({ column, text: part, style });
      column += [...part].length;
    }
    return runs;
  });
  while (lines.length > 0 && lines.at(-1)?.every(({ text }) => text.trim() === '')) lines.pop();
  return lines;
}

/** The style after an SGR code. Unknown codes do not change it. */
function styleAfter(style: Style, code: string): Style {
  const number = Number(code || '0');
  if (number === 0) return {};
  if (number === 1) return { ...style, bold: true };
  if (number === 2) return { ...style, dim: true };
  if (number === 22) return { ...style, bold: undefined, dim: undefined };
  if (number === 39) return { ...style, fill: undefined };
  const colour = COLOURS[number >= 90 ? number - 90 : number - 30];
  return colour ? { ...style, fill: colour } : style;
}

/** The SVG elements of a run: pieces of text, and rectangles. */
function drawn(run: Run, top: number): string[] {
  const { fill, bold, dim } = run.style;
  const look = `${fill ? ` fill="${fill}"` : ''}${dim ? ' fill-opacity="0.6"' : ''}`;
  const elements: string[] = [];
  // Two blanks or more end a piece, so that each cell of a table is a separate one.
  for (const match of run.text.matchAll(/[━╸─▁-█]+|(?:(?! {2})[^━╸─▁-█])+/gu)) {
    const text = match[0];
    const column = run.column + [...run.text.slice(0, match.index)].length;
    if (text.trim() === '') continue;
    if (/[━╸─▁-█]/u.test(text)) {
      elements.push(...bars(text, column, top).map((bar) => `<rect ${bar}${look}/>`));
      continue;
    }
    const lead = text.length - text.trimStart().length;
    const shown = text.trim();
    const x = MARGIN + (column + lead) * CELL.width;
    const length = [...shown].length * CELL.width;
    elements.push(
      `<text x="${x.toFixed(1)}" y="${top + CELL.size}"${bold ? ' font-weight="bold"' : ''}${look} textLength="${length.toFixed(1)}">${escaped(shown)}</text>`,
    );
  }
  return elements;
}

/** The rectangles of bars and block characters. Equal neighbours share one. */
function bars(text: string, column: number, top: number): string[] {
  return Array.from(text.matchAll(/(.)\1*/gu), ([same, character = ''], index) => ({
    same,
    character,
    index,
  })).map(({ same, character }, index, all) => {
    const before = all.slice(0, index).reduce((sum, bar) => sum + [...bar.same].length, 0);
    const x = MARGIN + (column + before) * CELL.width;
    const width = [...same].length * CELL.width * (character === '╸' ? 0.5 : 1);
    const [y, height] = extent(character, top);
    return `x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${width.toFixed(1)}" height="${height.toFixed(1)}"`;
  });
}

/** The upper edge and height of a character's rectangle. */
function extent(character: string, top: number): [number, number] {
  const middle = top + 9.5;
  if (character === '━' || character === '╸') return [middle - 1.5, 3];
  if (character === '─') return [middle - 0.5, 1];
  // ▁ to █: one to eight eighths.
  const height = ((character.charCodeAt(0) - 0x2580) / 8) * CELL.size;
  return [top + CELL.size + 2 - height, height];
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
