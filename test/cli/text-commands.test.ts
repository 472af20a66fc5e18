/** Commands that messages about texts print: each works as printed, in a folder with a space in its name. */
import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { train } from '../../src/index.ts';
import { temporaryCache } from '../data/temporary-cache.ts';
import { printedWords } from './command.ts';
import { residentCharRnn } from './resident.ts';

const charRnn = residentCharRnn();
const line = 'the harbour wall stood in the rain, and the keeper walked along it.\n';
/** Shapes for texts of a few lines; they end with one more iteration. */
const SMALL = '-batch_size 2 -seq_length 5 -max_iterations 3';

async function setUp(context: TestContext) {
  const { folder: outer, cache } = temporaryCache(context);
  const folder = join(outer, 'my texts');
  mkdirSync(join(folder, 'others'), { recursive: true });
  for (const [name, lines] of [
    ['a.txt', 6],
    ['v.txt', 4],
  ] as const) {
    writeFileSync(join(folder, name), line.repeat(lines));
  }
  const shape = { hiddenSize: 4, layers: 1, batchSize: 2, sequenceLength: 5, evaluateEvery: 2 };
  const texts = { textFile: join(folder, 'a.txt'), validation: join(folder, 'v.txt') };
  for await (const _ of train({
    ...shape,
    ...texts,
    checkpointDir: join(folder, 'my cv'),
    maxIterations: 2,
  }));
  const settings = { cwd: folder, env: { XDG_CACHE_HOME: cache } };
  const fail = async (words: string[]) => {
    const { code, stderr } = await charRnn(words, settings);
    assert.equal(code, 1, stderr);
    return stderr.split('\n').flatMap((text) => /^ {2}(node .*)$/.exec(text)?.[1] ?? []);
  };
  /** Runs printed commands, with the words that a shell makes of them. @param expected How many there are. */
  const runAll = async (commands: readonly string[], expected: number, more = '') => {
    assert.equal(commands.length, expected, commands.join('\n'));
    for (const command of commands) {
      const words = printedWords(`${command} ${/ train /.test(command) ? more : ''}`, folder);
      const { code, stderr } = await charRnn(words, settings);
      assert.equal(code, 0, `${command}\n${stderr}`);
    }
  };
  return { folder, fail, runAll };
}

test('texts that changed, of which a copy exists', async (context) => {
  const { folder, fail, runAll } = await setUp(context);
  copyFileSync(join(folder, 'v.txt'), join(folder, 'old v.txt'));
  appendFileSync(join(folder, 'v.txt'), line);
  await runAll(await fail(['train', '--resume', 'my cv', '-max_iterations', '3']), 2, SMALL);
  await runAll(await fail(['eval', 'my cv/best.safetensors']), 2);
});

test('texts that were moved', async (context) => {
  const { folder, fail, runAll } = await setUp(context);
  renameSync(join(folder, 'a.txt'), join(folder, 'b c.txt'));
  renameSync(join(folder, 'v.txt'), join(folder, '-v.txt'));
  await runAll(await fail(['eval', 'my cv/best.safetensors', '--json']), 1);
  await runAll(await fail(['train', '--resume', 'my cv', '-max_iterations', '3']), 1);
});

test('files that are not text', async (context) => {
  const { folder, fail, runAll } = await setUp(context);
  writeFileSync(join(folder, 'others', 'picture'), Uint8Array.of(1, 0, 2));
  writeFileSync(join(folder, 'others', 'b.txt'), line.repeat(4));
  const small = [...SMALL.split(' '), '-rnn_size', '4', '-num_layers', '1', '-checkpoint_dir', 'other cv'];
  await runAll(await fail(['train', 'others', '--strict', ...small]), 1);
  await runAll(await fail(['train', 'my cv/best.safetensors']), 2, '-max_iterations 3');
});
