/** The targets of links between the README, docs/ and the other documents exist, both files and headings. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { root } from './cli/command.ts';

const inRoot = readdirSync(root).filter((name) => name.endsWith('.md'));
const inDocs = readdirSync(join(root, 'docs'), { recursive: true })
  .map((name) => join('docs', String(name)))
  .filter((name) => name.endsWith('.md'));

for (const page of [...inRoot, ...inDocs, 'models/README.md']) {
  test(`${page}: the targets of its links exist`, () => {
    const text = readFileSync(join(root, page), 'utf8').replaceAll(/^```[\s\S]*?^```/gm, '');
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [path = '', heading] = target.split('#');
      const file = path === '' ? join(root, page) : join(root, dirname(page), path);
      assert.ok(existsSync(file), `${target}: there is no ${relative(root, file)}`);
      if (heading) assert.ok(headings(file).includes(heading), `${target}: there is no such heading`);
    }
  });
}

test('files that the pages name exist', () => {
  for (const page of [...inRoot, ...inDocs, 'models/README.md'].filter((name) => name !== 'CHANGELOG.md')) {
    const text = readFileSync(join(root, page), 'utf8');
    for (const [, path = ''] of text.matchAll(
      /`((?:src|test|scripts|native|bench|examples|models)\/[\w./-]+)`/g,
    )) {
      // A word in capitals is a placeholder: src/cli/NAME.ts.
      if (/\b[A-Z]{4,}\b/.test(path)) continue;
      assert.ok(existsSync(join(root, path)), `${page}: there is no ${path}`);
    }
  }
});

/** The headings of a page as GitHub names them in links. */
function headings(file: string): string[] {
  return Array.from(readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm), ([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\- ]/gu, '')
      .replaceAll(' ', '-'),
  );
}
