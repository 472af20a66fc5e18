/**
 * Damages vocabulary and token files. Each must either be recreated, with a notice, or give the same tokens as the text.
 *
 *     node --import tsx test/soak/token-mutations.ts [COUNT] [SEED]
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadCorpus } from '../../src/data/corpus.node.ts';
import { mutations } from './mutations.ts';

const TEXT = 'the harbour wall\nand the s\u00e9a--over \u4eba.\n'.repeat(30);
const OPTIONS = {
  tokens: 'character',
  normalize: 'none',
  minCount: 1,
  unknown: 'error',
  separator: '--',
} as const;

/** Tries `count` mutations of each file. Returns how many files were recreated with a notice, and how many mutations had no effect. */
export async function tryTokenMutations(count: number, seed: number) {
  const folder = mkdtempSync(join(tmpdir(), 'char-rnn-mutations-'));
  const before = process.env.XDG_CACHE_HOME;
  process.env.XDG_CACHE_HOME = join(folder, 'cache');
  const path = join(folder, 'book.txt');
  writeFileSync(path, TEXT);
  const load = async () => {
    const corpus = await loadCorpus({ paths: [path] }, OPTIONS);
    const tokens = new Int32Array(corpus.tokens.length);
    const starts = new Uint8Array(tokens.length);
    await corpus.tokens.read(0, tokens, starts);
    await corpus.close?.();
    const text = Array.from(tokens, (token) => corpus.vocabulary.symbolOf(token)).join('');
    return { text, starts: [...starts].join(''), notices: corpus.notices };
  };
  const result = { again: 0, same: 0 };
  try {
    const expected = await load();
    assert.equal(expected.text, TEXT);
    for (const name of [`${path}.tokens`, `${path}.vocab.json`]) {
      const other = name.endsWith('.tokens') ? `${path}.vocab.json` : `${path}.tokens`;
      const [whole, companion] = [Uint8Array.from(readFileSync(name)), readFileSync(other)];
      for (const { what, bytes } of mutations(whole, count, { seed })) {
        writeFileSync(other, companion);
        writeFileSync(name, bytes);
        // The cache may have a copy from an earlier load; then the damaged file would not be read.
        rmSync(process.env.XDG_CACHE_HOME, { recursive: true, force: true });
        const loaded = await load();
        assert.equal(loaded.text, TEXT, `${name}: ${what}`);
        assert.equal(loaded.starts, expected.starts, `${name}: ${what}`);
        if (loaded.notices.some((notice) => /recreated|can't be saved next to it/.test(notice)))
          result.again++;
        else result.same++;
      }
      // A file that was recreated has another id.
      writeFileSync(name, whole);
      writeFileSync(other, companion);
    }
  } finally {
    if (before === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = before;
    rmSync(folder, { recursive: true });
  }
  return result;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [count = '10000', seed = '1'] = process.argv.slice(2);
  const { again, same } = await tryTokenMutations(Number(count), Number(seed));
  console.log(`${again} were recreated, ${same} changed nothing that counts; no crash, no wrong token`);
}
