/** Checks the direction of imports by reading the sources. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { init, parse } from 'es-module-lexer';

const source = fileURLToPath(new URL('../src', import.meta.url));

/** From the lowest module to the highest: a file may import from its own module and from those before it. */
const MODULES = [
  'errors',
  'util',
  'engine',
  'data',
  'model',
  'checkpoint',
  'formats',
  'sample',
  'score',
  'inspect',
  'train',
  'model-engine',
  'in-memory-model',
  'language-model',
  'option-facts',
  'sweep',
  'server',
  'ui',
  'public',
  'index',
  'cli',
];
/** Imports that are forbidden although the order would allow them. */
const FORBIDDEN = new Set([
  'data→engine',
  'model→checkpoint',
  'model→formats',
  'sample→checkpoint',
  'sample→formats',
  'score→checkpoint',
  'score→formats',
  'score→sample',
  'inspect→formats',
  'inspect→sample',
]);

interface File {
  readonly path: string;
  /** Its imports, including those of types: paths within src, or names of packages. */
  readonly imports: readonly string[];
  /** The same, without imports of types only. */
  readonly runtimeImports: readonly string[];
}

await init;

const files: File[] = readdirSync(source, { recursive: true })
  .map((name) => String(name).replaceAll('\\', '/'))
  .filter((name) => name.endsWith('.ts'))
  .map((path) => {
    const code = readFileSync(join(source, path), 'utf8');
    const resolve = (name: string) => (name.startsWith('.') ? posix.join(dirname(path), name) : name);
    const [imports] = parse(code);
    const named = imports.flatMap((item) =>
      typeof item.specifier === 'string'
        ? [{ name: resolve(item.specifier), typeOnly: item.type !== 'dynamic' && item.typeOnly }]
        : [],
    );
    return {
      path,
      imports: named.map(({ name }) => name),
      runtimeImports: named.filter(({ typeOnly }) => !typeOnly).map(({ name }) => name),
    };
  });
const byPath = new Map(files.map((file) => [file.path, file]));

function moduleOf(path: string): string {
  const [first = ''] = path.split('/');
  const name = first.replace(/(\.node)?\.ts$/, '');
  return name === 'browser' ? 'index' : name;
}

test('finds source files, and every file that they import', () => {
  assert.ok(files.length > 50);
  for (const file of files) {
    for (const name of file.imports)
      if (name.endsWith('.ts')) assert.ok(byPath.has(name), `${file.path} → ${name}`);
  }
});

test('imports point one way', () => {
  for (const file of files) {
    const from = moduleOf(file.path);
    assert.ok(MODULES.includes(from), `${file.path} belongs to no module`);
    for (const name of file.imports.filter((target) => byPath.has(target))) {
      const to = moduleOf(name);
      assert.ok(
        MODULES.indexOf(to) <= MODULES.indexOf(from),
        `${file.path} imports ${name}, against the direction`,
      );
      assert.ok(
        !FORBIDDEN.has(`${from}→${to}`),
        `${file.path} imports ${name}: ${from} may not import from ${to}`,
      );
    }
  }
});

test('the model imports only the contract of the engine', () => {
  for (const file of files.filter(({ path }) => moduleOf(path) === 'model')) {
    for (const name of file.imports.filter((target) => target.startsWith('engine/'))) {
      assert.match(name, /^engine\/(cells|engine|layout|sizes)\.ts$/, `${file.path} imports ${name}`);
    }
  }
});

test('no imports form a cycle', () => {
  const done = new Set<string>();
  const visit = (path: string, way: readonly string[]) => {
    assert.ok(!way.includes(path), `a cycle: ${[...way.slice(way.indexOf(path)), path].join(' → ')}`);
    if (done.has(path)) return;
    for (const name of byPath.get(path)?.imports ?? []) if (byPath.has(name)) visit(name, [...way, path]);
    done.add(path);
  };
  for (const { path } of files) visit(path, []);
});

test('folders of the command line form no import cycle', () => {
  const folderOf = (path: string) => {
    const [, folder = '', ...rest] = path.split('/');
    return rest.length === 0 ? path : folder;
  };
  const targets = new Map<string, Set<string>>();
  for (const { path, imports } of files.filter((file) => file.path.startsWith('cli/'))) {
    const own = targets.get(folderOf(path)) ?? new Set();
    for (const name of imports.filter((target) => target.startsWith('cli/'))) own.add(folderOf(name));
    own.delete(folderOf(path));
    targets.set(folderOf(path), own);
  }
  const visit = (folder: string, way: readonly string[]) => {
    assert.ok(!way.includes(folder), `a cycle: ${[...way, folder].join(' → ')}`);
    for (const target of targets.get(folder) ?? []) visit(target, [...way, folder]);
  };
  for (const folder of targets.keys()) visit(folder, []);
});

test('only files for Node import node:, and a page reaches none of them', () => {
  const forNode = (path: string) =>
    path.endsWith('.node.ts') || path === 'index.ts' || path.startsWith('cli/');
  for (const file of files) {
    if (forNode(file.path)) continue;
    for (const name of file.imports) {
      assert.ok(!name.startsWith('node:'), `${file.path} imports ${name}`);
      assert.ok(!forNode(name), `${file.path} imports ${name}, which is for Node`);
    }
  }
  const reached = new Set<string>();
  const reach = (path: string) => {
    if (reached.has(path)) return;
    reached.add(path);
    for (const name of byPath.get(path)?.runtimeImports ?? []) if (byPath.has(name)) reach(name);
  };
  reach('browser.ts');
  assert.ok(reached.size > 20, `only ${reached.size} files`);
  for (const path of reached) assert.ok(!forNode(path), `browser.ts reaches ${path}`);
});

test('docs/architecture.md has every module, in this order', () => {
  const page = readFileSync(join(source, '..', 'docs', 'architecture.md'), 'utf8');
  const cells = page.split('\n').flatMap((line) => /^\| (`[^|]*`) +\|/.exec(line)?.[1] ?? []);
  const modules = cells.flatMap((cell) =>
    Array.from(cell.matchAll(/`([\w-]+)(?:\/|\.ts)`/g), ([, name]) => name),
  );
  assert.deepEqual(
    modules.filter((name) => name !== 'browser'),
    MODULES,
  );
});
