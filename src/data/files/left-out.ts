/** Files that were named or found but are not read, with one notice for each reason. */
import { TextError } from '../../errors.ts';
import { formatCount } from '../../util/format.ts';

/** Maximum number of files named in a notice, and in an error. */
const MAX_NAMED = 3;
const MAX_NAMED_IN_ERROR = 20;

interface LeftOutFile {
  readonly path: string;
  /** The kind or reason, such as `binary` or `the log of a run`. */
  readonly kind: string;
  /** The exact problem, if known: `byte 2 is not valid UTF-8 (0xFF)`. */
  readonly detail?: string | undefined;
}

export class LeftOut {
  readonly #own: LeftOutFile[] = [];
  readonly #other: LeftOutFile[] = [];
  readonly #links: (LeftOutFile & { readonly isReadElsewhere: boolean })[] = [];

  /** Adds a file that this program wrote. */
  addOwn(path: string, kind: string): void {
    this.#own.push({ path, kind });
  }

  /** Adds a file that is not text. */
  addOther(path: string, kind: string, detail?: string): void {
    this.#other.push({ path, kind, detail });
  }

  /** Whether `refuse` would throw. */
  get hasBad(): boolean {
    return this.#bad().length > 0;
  }

  /**
   * Adds a skipped link or special file.
   *
   * @param isReadElsewhere Whether its target is read under another path.
   */
  addSkipped(path: string, kind: string, isReadElsewhere: boolean): void {
    this.#links.push({ path, kind, isReadElsewhere });
  }

  /** Adds all files of another list. */
  addAll(other: LeftOut): void {
    this.#own.push(...other.#own);
    this.#other.push(...other.#other);
    this.#links.push(...other.#links);
  }

  /** A line for each group of files. */
  notices(): string[] {
    return [
      ...line('that this program wrote', this.#own),
      ...line(`that can't be read as text (${kindsOf(this.#other)})`, this.#other),
      ...line(`(${kindsOf(this.#links)})`, this.#links, 'link or special file', 'links or special files'),
    ];
  }

  /** @throws {TextError} `text-left-out` if a file is not text or can't be read */
  refuse(): void {
    const bad = this.#bad();
    if (bad.length === 0) return;
    const named = bad
      .slice(0, MAX_NAMED_IN_ERROR)
      .map(({ path, kind, detail }) => `  ${path} (${detail ?? kind})`);
    const rest = bad.length - named.length;
    throw new TextError(
      'text-left-out',
      [
        `${countText(bad.length)} can't be read as text:`,
        ...named,
        ...(rest > 0 ? [`  and ${formatCount(rest)} more`] : []),
      ].join('\n'),
      { remedies: [{ text: 'To leave them out', set: { strict: undefined } }] },
    );
  }

  #bad(): LeftOutFile[] {
    return [...this.#other, ...this.#links.filter(({ isReadElsewhere }) => !isReadElsewhere)];
  }
}

/** `left out 3 files that can't be read as text (2 binary, 1 PDF): a, b and c`. */
function line(what: string, files: readonly LeftOutFile[], one = 'file', several = 'files'): string[] {
  if (files.length === 0) return [];
  return [
    `left out ${countText(files.length, one, several)} ${what}: ${shortList(files.map(({ path }) => path))}`,
  ];
}

/** `binary`, or `2 binary, 1 PDF`. */
function kindsOf(files: readonly LeftOutFile[]): string {
  const counts = new Map<string, number>();
  for (const { kind } of files) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  if (counts.size === 1) return [...counts.keys()].join();
  return [...counts].map(([kind, count]) => `${formatCount(count)} ${kind}`).join(', ');
}

/** `1 file`, `2,000 files`. */
export function countText(count: number, one = 'file', several = 'files'): string {
  return `${formatCount(count)} ${count === 1 ? one : several}`;
}

/** The first few names, and the number of the others. */
export function shortList(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMED).join(', ');
  return names.length > MAX_NAMED ? `${shown} and ${formatCount(names.length - MAX_NAMED)} more` : shown;
}
