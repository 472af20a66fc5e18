/** docs/library.md has every export of the package, and its programs have no type errors and run. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { transformSync } from 'esbuild';
import { InMemoryModel } from '../src/in-memory-model.ts';
import { LanguageModel as NodeModel } from '../src/language-model.node.ts';
import { LanguageModel } from '../src/language-model.ts';
import { root } from './cli/command.ts';
import { exportsOf } from './exports-of.ts';
import { workIn } from './temporary-folder.ts';

const page = readFileSync(join(root, 'docs', 'library.md'), 'utf8');
const programs = Array.from(page.matchAll(/^```ts\n(.*?)^```$/gms), ([, code = '']) => code);
/** Words in code, in the text and the tables. */
const named = new Set(
  Array.from(
    page.replaceAll(/^```.*?^```$/gms, '').matchAll(/`([^`\n]+)`/g),
    ([, code = '']) => code,
  ).flatMap((code) => code.match(/\w+/g) ?? []),
);
const used = new Set(programs.flatMap((code) => code.match(/\w+/g) ?? []));

// Inside this package, so that the programs can import it by its name.
mkdirSync(join(root, 'build'), { recursive: true });
const folder = mkdtempSync(join(root, 'build', 'library-page-'));
after(() => rmSync(folder, { recursive: true }));
const files = programs.map((code, index) => {
  const path = join(folder, `program-${index + 1}.ts`);
  writeFileSync(path, code);
  return path;
});

for (const entry of ['index', 'browser']) {
  const exported = exportsOf(join(root, 'src', `${entry}.ts`));
  test(`every export of ${entry}.ts is on the page; functions are also in a program`, () => {
    assert.ok(exported.length > 70);
    for (const { name, isValue } of exported) {
      assert.ok(named.has(name), `${name} is not on the page`);
      if (!isValue || name.endsWith('Error') || name === 'Vocabulary') continue;
      assert.ok(used.has(name), `${name} is in no program`);
    }
  });

  test(`the inputs that ${entry}.ts exports follow one naming rule`, () => {
    const odd = exported.filter(({ name }) => /(Settings?|Setup|Init|OptionsInput)$/.test(name));
    assert.deepEqual(odd, []);
  });
}

test('every member of a model is on the page and in a program', () => {
  const members = [InMemoryModel, LanguageModel, NodeModel].flatMap((Model) => [
    ...Object.getOwnPropertyNames(Model.prototype),
    ...Object.getOwnPropertyNames(Model).filter((name) => !['length', 'name', 'prototype'].includes(name)),
  ]);
  assert.ok(members.includes('load') && members.includes('generate'));
  for (const name of members.filter((name) => name !== 'constructor')) {
    assert.ok(named.has(name), `${name} is not on the page`);
    assert.ok(used.has(name), `${name} is in no program`);
  }
});

test('the programs have no type errors', () => {
  const manifest = createRequire(import.meta.url).resolve('typescript/package.json');
  const compiler = join(dirname(manifest), JSON.parse(readFileSync(manifest, 'utf8')).bin.tsc);
  const options = { noEmit: true, skipLibCheck: true, rewriteRelativeImportExtensions: false };
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: '../../tsconfig.json', compilerOptions: options, include: ['*.ts'] }),
  );
  const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', folder], { encoding: 'utf8' });
  assert.equal(status, 0, stdout);
});

test('the programs run, and each prints something', async (context) => {
  workIn(context, folder);
  writeFileSync(
    'book.txt',
    'the harbour wall stood in the rain and the keeper walked along the wall. '.repeat(60),
  );
  const printed = context.mock.method(console, 'log', () => {});
  for (const file of files) {
    const count = printed.mock.callCount();
    const { code } = transformSync(readFileSync(file, 'utf8'), { loader: 'ts' });
    const javaScript = file.replace(/ts$/, 'mjs');
    writeFileSync(javaScript, code);
    await import(pathToFileURL(javaScript).href);
    assert.ok(printed.mock.callCount() > count, `nothing printed by\n${readFileSync(file, 'utf8')}`);
    const values: readonly unknown[] = printed.mock.calls.slice(count).flatMap((call) => call.arguments);
    assert.ok(!values.includes(undefined), `undefined printed by\n${readFileSync(file, 'utf8')}`);
  }
});
