/** The memory of the WebAssembly engine grows while its workers compute. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { LanguageModel } from '../../src/index.ts';
import { root } from '../cli/command.ts';

const bytes = readFileSync(join(root, 'models', 'moby-dick.safetensors'));
const text = 'the harbour wall stood in the rain. '.repeat(80);

for (const threads of [1, 2])
  test(`values that are written to new memory while ${threads} threads compute arrive`, async () => {
    const model = LanguageModel.fromBytes(bytes, 'moby-dick', { engine: 'wasm', threads });
    const expected = LanguageModel.fromBytes(bytes, 'moby-dick', { engine: 'reference' });
    try {
      // Gates need matrices that are allocated while the pieces of the text before them are computed.
      const options = { layers: [2], parts: ['n' as const] };
      const values = (await model.states(text, options)).matrix(2, 'n');
      const wanted = (await expected.states(text.slice(0, 300), options)).matrix(2, 'n');
      for (const [k, value] of wanted.entries())
        assert.ok(Math.abs(value - (values[k] as number)) < 1e-4, `${k}`);
    } finally {
      await model.close();
      await expected.close();
    }
  });
