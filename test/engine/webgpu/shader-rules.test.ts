/** Rules over the text of all shaders, each of which prevents wrong results on some devices. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../../src/engine/webgpu/shaders', import.meta.url));
const shaders = readdirSync(folder).map((name) => ({
  name,
  /** Without comments. */
  code: readFileSync(join(folder, name), 'utf8')
    .replace(/\/\*\*[\s\S]*?\*\//g, '')
    .replace(/\/\/.*/g, ''),
}));

/** The lines of all shaders, except those of some files, that match. */
function linesThatMatch(pattern: RegExp, exempt: readonly string[] = []): string[] {
  return shaders
    .filter(({ name }) => !exempt.includes(name))
    .flatMap(({ name, code }) =>
      code.split('\n').flatMap((line) => (pattern.test(line) ? [`${name}: ${line.trim()}`] : [])),
    );
}

test('the rules see the shaders', () => {
  assert.ok(shaders.length >= 10);
  assert.ok(linesThatMatch(/\bvar \w+ = /).length > 20);
  assert.ok(linesThatMatch(/\bexp_\(/).length > 1);
});

test('every variable has an initial value: in a loop it would keep that of the last round', () => {
  assert.deepEqual(linesThatMatch(/\bvar \w+[^=]*;/), []);
});

test('exp and tanh are those of functions.ts, which are right for every number', () => {
  assert.deepEqual(linesThatMatch(/\b(exp|exp2|tanh|sinh|cosh)\(/, ['functions.ts']), []);
  const functions = shaders.find(({ name }) => name === 'functions.ts')?.code ?? '';
  assert.deepEqual(functions.match(/\bexp\([^)]*\)/g), ['exp(clamp(x, -87.0, 88.0)']);
});

test('no shader compares with itself to find NaN, which compilers may remove', () => {
  assert.deepEqual(linesThatMatch(/\b(\w+) [!=]= \1\b/), []);
});

test('barriers are not within conditions that differ between threads of a workgroup: none follows an if on its line', () => {
  assert.deepEqual(linesThatMatch(/\bif\b.*Barrier\(/), []);
});
