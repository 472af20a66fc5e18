/** Tokenising may be killed or stopped at any moment. Its files are complete, or are recreated. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type LoadOptions, loadCorpus, prepareCorpus } from '../../src/data/corpus.node.ts';
import { findTextFiles } from '../../src/data/files/text-files.node.ts';
import { withReading } from '../../src/data/files/with-reading.node.ts';
import { resultOf } from '../../src/data/preparation.ts';
import { countSymbols } from '../../src/data/tokens/make-tokens.node.ts';
import { parseSize } from '../../src/util/format.ts';
import { root } from '../cli/command.ts';
import { encodeText } from './encode-text.ts';
import { temporaryCache } from './temporary-cache.ts';

const options: LoadOptions = { tokens: 'character', normalize: 'none', minCount: 1, unknown: 'error' };
const TEXT = 'the harbour wall, the rain\n'.repeat(400_000);
/** Runs a program that imports the sources. */
const IN_SOURCE = ['--import', 'tsx', '--input-type=module', '-e'];

test('reports progress from the start to the end of each stage', async (context) => {
  const { folder } = temporaryCache(context);
  const path = join(folder, 'book.txt');
  writeFileSync(path, TEXT);
  const seen: { stage: string; bytes: number; total: number }[] = [];
  const preparation = prepareCorpus({ paths: [path] }, options);
  let step = await preparation.next();
  for (; !step.done; step = await preparation.next()) seen.push(step.value);
  for (const stage of ['counting', 'encoding']) {
    const bytes = seen.filter((progress) => progress.stage === stage).map((progress) => progress.bytes);
    assert.ok(bytes.length > 5);
    assert.deepEqual(
      bytes,
      [...bytes].sort((a, b) => a - b),
    );
    assert.equal(bytes.at(-1), TEXT.length);
  }
  await step.value.close?.();
});

test('stopped in the middle: leaves nothing behind, and the next one is complete', async (context) => {
  const { folder } = temporaryCache(context);
  const path = join(folder, 'book.txt');
  writeFileSync(path, TEXT);
  const left = prepareCorpus({ paths: [path] }, options);
  for (let step = await left.next(); !step.done; step = await left.next())
    if (step.value.stage === 'encoding') break;
  await left.return(undefined as never);
  assert.deepEqual(readdirSync(folder), ['book.txt']);
  const stopped = prepareCorpus({ paths: [path] }, { ...options, signal: AbortSignal.abort() });
  await assert.rejects(stopped.next(), { name: 'AbortError' });
  const corpus = await loadCorpus({ paths: [path] }, options);
  assert.equal(corpus.tokens.length, TEXT.length);
  await corpus.close?.();
});

test('a process that exits in the middle deletes its unfinished files', async (context) => {
  const { folder } = temporaryCache(context);
  const path = join(folder, 'book.txt');
  writeFileSync(path, TEXT);
  const program = `const { prepareCorpus } = await import(${JSON.stringify(new URL('src/data/corpus.node.ts', `file://${root}`).href)});
    for await (const { stage, bytes } of prepareCorpus({ paths: [${JSON.stringify(path)}] }, ${JSON.stringify(options)}))
      if (stage === 'encoding' && bytes > 4e6) process.exit(3);`;
  const child = spawn(process.execPath, [...IN_SOURCE, program], { cwd: root });
  assert.deepEqual(await once(child, 'exit'), [3, null]);
  assert.deepEqual(readdirSync(folder), ['book.txt']);
});

test('killed at any moment: its files are complete or recreated', async (context) => {
  const { folder } = temporaryCache(context);
  const path = join(folder, 'book.txt');
  writeFileSync(path, TEXT);
  const program = `const { loadCorpus } = await import(${JSON.stringify(new URL('src/data/corpus.node.ts', `file://${root}`).href)});
    console.log('ready');
    await loadCorpus({ paths: [${JSON.stringify(path)}] }, ${JSON.stringify(options)});`;
  for (const milliseconds of [2, 20, 40, 60, 80, 120]) {
    const child = spawn(process.execPath, [...IN_SOURCE, program], { cwd: root });
    // On a fast machine it may finish before it is killed.
    const exited = once(child, 'exit');
    await once(child.stdout, 'data');
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    child.kill('SIGKILL');
    await exited;
  }
  const corpus = await loadCorpus({ paths: [path] }, options);
  const tokens = new Int32Array(TEXT.length);
  await corpus.tokens.read(0, tokens);
  assert.equal(
    Array.from(tokens.subarray(-27), (token) => corpus.vocabulary.symbolOf(token)).join(''),
    TEXT.slice(-27),
  );
  await corpus.close?.();
});

test('the second pass uses the encoding that the first detected', async (context) => {
  const { folder } = temporaryCache(context);
  const path = join(folder, 'book.txt');
  const encodings = {
    'windows-1252': 'Größe für Künstler',
    shift_jis: '吾輩は猫である。名前はまだ無い。',
    'utf-16be': 'ab',
  };
  for (const [encoding, text] of Object.entries(encodings)) {
    writeFileSync(path, encodeText(text, encoding));
    const found = withReading(await findTextFiles([path], { anyBytes: false }), options);
    const { files, counts } = await resultOf(countSymbols(found, { ...options, isFromCheckpoint: false }));
    assert.deepEqual(new Set(counts.keys()), new Set(text));
    assert.equal(files[0]?.reading?.encoding, encoding);
    assert.equal(files[0]?.found?.encoding, encoding);
  }
});

test('reports a file that was replaced between the passes, whatever replaced it', async (context) => {
  const { folder } = temporaryCache(context);
  const path = join(folder, 'book.txt');
  const text = '吾輩は猫である。名前はまだ無い。\n';
  const others = {
    'in UTF-8': Buffer.from(text),
    'not valid in the encoding': Buffer.from('caf\xe9\xff\xff\n', 'latin1'),
    'with other characters': encodeText('どこで生れたか', 'shift_jis'),
    'a picture': Buffer.from('\x89PNG\r\n\x1a\n\0\0', 'latin1'),
    empty: Buffer.alloc(0),
  };
  for (const [what, bytes] of Object.entries(others)) {
    writeFileSync(path, encodeText(text, 'shift_jis'));
    const replace = async () => {
      const preparation = prepareCorpus({ paths: [path] }, options);
      let isReplaced = false;
      for (let step = await preparation.next(); !step.done; step = await preparation.next()) {
        const { stage, bytes: done, total } = step.value;
        if (isReplaced || stage !== 'counting' || done < total) continue;
        writeFileSync(path, bytes);
        isReplaced = true;
      }
    };
    await assert.rejects(replace(), { code: 'text-unreadable', message: /changed while/ }, what);
  }
});

test('sizes as people type them', () => {
  assert.deepEqual(['2GB', '500MB', '1.5g', '100000', '64 kB'].map(parseSize), [2e9, 5e8, 1.5e9, 1e5, 64e3]);
});
