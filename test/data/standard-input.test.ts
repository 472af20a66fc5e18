/** A text from standard input, with and without a writable cache folder. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type LoadOptions, loadCorpus } from '../../src/data/corpus.node.ts';
import { root } from '../cli/command.ts';
import { encodeText } from './encode-text.ts';
import { temporaryCache } from './temporary-cache.ts';
import { tokensOf } from './tokens-of.ts';

const OPTIONS = { tokens: 'character', normalize: 'none', minCount: 1, unknown: 'error' } as const;

const source = (path: string) => JSON.stringify(new URL(`src/data/${path}`, `file://${root}`).href);

/** Runs `body` with standard input and a cache folder. Returns what it prints as JSON. */
function inProcess(body: string, input: Uint8Array, cache: string): unknown {
  const program = `const { loadCorpus } = await import(${source('corpus.node.ts')});
    const { readWholeText } = await import(${source('text/whole-text.node.ts')});
    const messageOf = (action) => action.then(() => 'no error', (error) => error.message);
    ${body}`;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '-e', program],
    {
      cwd: root,
      input,
      encoding: 'utf8',
      env: { ...process.env, XDG_CACHE_HOME: cache },
    },
  );
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout);
}

test('reads held-out texts in the same way whether standard input is in a file or in memory', async (context) => {
  const { folder } = temporaryCache(context);
  const at = (name: string, text: string, encoding = 'windows-1252') => {
    writeFileSync(join(folder, name), encodeText(text, encoding));
    return join(folder, name);
  };
  const table = 'id,text\r\n1,"Größe für Künstler"\r\n2,schöne Grüße\r\n';
  const [plain, rows] = [at('v.txt', 'Größe\r\nfür'), at('v.csv', 'id,text\n1,für\n2,Größe\n')];
  const [lines, mark] = [at('v.jsonl', '{"text":"ü"}\n', 'utf-16le'), at('mark.txt', '\ufeffGröße', 'utf-8')];
  const settings: LoadOptions[] = [
    { ...OPTIONS, encoding: 'windows-1252', valid: plain, test: plain },
    { ...OPTIONS, valid: plain, test: mark },
    { ...OPTIONS, encoding: 'windows-1252', lineEnds: 'lf', valid: plain },
    { ...OPTIONS, field: 'text', valid: rows, test: lines },
    { ...OPTIONS, encoding: 'windows-1252', field: 'text', separator: '\n', valid: rows },
    { ...OPTIONS, normalize: 'nfc', separator: '--', valid: plain },
    { ...OPTIONS, tokens: 'byte', valid: plain },
    { ...OPTIONS, tokens: 'byte', field: 'id', valid: rows },
    { ...OPTIONS, tokens: 'grapheme', valid: plain },
  ];
  writeFileSync(join(folder, 'no-folder'), '');
  const body = `const found = [];
    for (const settings of ${JSON.stringify(settings)}) {
      const corpus = await loadCorpus({ paths: ['-'] }, settings);
      const { symbols } = corpus.vocabulary;
      const ofPart = (part) => [...(part?.array ?? [])];
      found.push({ symbols, validation: ofPart(corpus.validation), test: ofPart(corpus.test), notices: corpus.notices });
    }
    console.log(JSON.stringify(found));`;
  const found = inProcess(body, encodeText(table, 'windows-1252'), join(folder, 'no-folder', 'cache'));
  const expected = [];
  for (const [index, options] of settings.entries()) {
    const main = at(`main-${index}.csv`, table);
    const corpus = await loadCorpus({ paths: [main] }, options);
    expected.push({
      symbols: corpus.vocabulary.symbols,
      validation: await tokensOf(corpus.validation),
      test: await tokensOf(corpus.test),
      notices: corpus.notices.map((notice) => notice.replaceAll(main, 'standard input')),
    });
    await corpus.close?.();
  }
  assert.deepEqual(found, expected);
});

test('messages mention standard input, not the file that holds it', (context) => {
  const { folder, cache } = temporaryCache(context);
  const body = `const options = ${JSON.stringify(OPTIONS)};
    console.log(JSON.stringify([
      await messageOf(loadCorpus({ paths: ['-'] }, { ...options, encoding: 'utf-8' })),
      await messageOf(loadCorpus({ paths: ['-'] }, { ...options, encoding: 'shift_jis' })),
      await messageOf(loadCorpus({ paths: ['-'] }, { ...options, field: 'text' })),
      await messageOf(readWholeText('-', { tokens: 'character', encoding: 'utf-8' })),
      ...(await readWholeText('-', { tokens: 'character' })).notices,
      ...(await loadCorpus({ paths: ['-'] }, options)).notices,
    ]));`;
  const messages = inProcess(body, encodeText('naïve, né, fin\n', 'windows-1252'), cache);
  assert.ok(Array.isArray(messages) && messages.length === 6, String(messages));
  for (const message of messages) {
    assert.match(message, /^standard input(?::|,| has)/);
    assert.ok(!message.includes(folder), message);
  }
});
