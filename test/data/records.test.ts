/** A column of a CSV, or a field of JSON lines, as documents. */
import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { loadCorpus } from '../../src/data/corpus.node.ts';
import { buildCorpus } from '../../src/data/corpus.ts';
import type { ByteTransform } from '../../src/data/encoding/byte-transform.ts';
import { CsvColumn } from '../../src/data/records/csv.ts';
import { JsonRecords } from '../../src/data/records/json.ts';
import { type FieldReading, recordFormat } from '../../src/data/records/records.ts';
import { textBlocks } from '../../src/data/text/text-blocks.node.ts';
import { TextError } from '../../src/errors.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { encodeText } from './encode-text.ts';
import { tokensOf } from './tokens-of.ts';

const field = (name: string, separator = '\n'): FieldReading => ({
  name,
  separator,
  oneLine: separator === '\n',
});

/** The result for a text in blocks of a given size. */
function read(transform: ByteTransform, text: string, size = 1 << 16): string {
  const bytes = new TextEncoder().encode(text);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size)
    parts.push(transform.push(bytes.subarray(at, at + size), false));
  parts.push(transform.push(new Uint8Array(), true));
  return Buffer.concat(parts).toString('utf8');
}

const csv = (text: string, name = 'text', separator?: string, size?: number) =>
  read(new CsvColumn('t.csv', field(name, separator)), text, size);
const lines = (text: string, name = 'text', separator?: string, size?: number) =>
  read(new JsonRecords('t.jsonl', 'json-lines', field(name, separator)), text, size);

const failure = (run: () => unknown, message: RegExp) =>
  assert.throws(run, (error) => {
    assert.ok(error instanceof TextError && error.code === 'text-field', String(error));
    assert.match(error.message, message);
    return true;
  });

test('quotes, doubled quotes, line ends and delimiters within a value, in blocks of any size', () => {
  const text = 'id,text,more\r\n1,"a, ""b""",x\r\n2,"line\r\nbreak",y\r\n\r\n3,é 日本,\r\n4,,z\r\n5,last,w';
  for (const size of [1, 2, 3, 7, 1000]) {
    assert.equal(csv(text, 'text', '|', size), 'a, "b"|line\r\nbreak|é 日本|last|');
    assert.equal(csv(text, 'text', '\n', size), 'a, "b"\nline break\né 日本\nlast\n');
    assert.equal(csv(text, 'more', '\n', size), 'x\ny\nz\nw\n');
  }
});

test('semicolons, tabs, bars, a byte order mark and old line ends', () => {
  assert.equal(csv('a;text\n1;"x;y"\n'), 'x;y\n');
  assert.equal(csv('a\ttext\n1\tx, y\n'), 'x, y\n');
  assert.equal(csv('a|text\r1|x\r2|y\r'), 'x\ny\n');
  assert.equal(csv('\ufefftext,b\nx,1\n'), 'x\n');
  assert.equal(csv('"te""xt", b \nx,1\n', 'te"xt'), 'x\n');
  assert.equal(csv('text\nonly\ncolumn\n'), 'only\ncolumn\n');
});

test('reads back a CSV with any values', () => {
  const value = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r\n', 'é', ' ', '😀') });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(value, value), { maxLength: 8 }),
      fc.integer({ min: 1, max: 9 }),
      (rows, size) => {
        const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
        const text = ['one,text', ...rows.map(([a, b]) => `${quoted(a)},${quoted(b)}`)].join('\r\n');
        const expected = rows.flatMap(([, b]) => (b === '' ? [] : [b, '\u0001'])).join('');
        assert.equal(csv(text, 'text', '\u0001', size), expected);
      },
    ),
  );
});

test('JSON lines: names, paths with dots, missing values, numbers', () => {
  const text = '{"text":"a\\n\\u00e9","id":1}\r\n\n{"id":2}\n{"text":null}\n{"text":7}\n{"text":"日本"}';
  for (const size of [1, 5, 1000]) {
    assert.equal(lines(text, 'text', '|', size), 'a\né|7|日本|');
    assert.equal(lines(text, 'text', '\n', size), 'a é\n7\n日本\n');
  }
  assert.equal(lines('{"post":{"text":"x"}}\n{"post.text":"y"}\n', 'post.text'), 'x\ny\n');
  const list = new JsonRecords('t.json', 'json-list', field('text'));
  assert.equal(read(list, ' [{"text":"a"},\n{"text":"b"}] ', 3), 'a\nb\n');
});

test('suggests the closest field, but no dissimilar one', () => {
  const remedies = (name: string) => {
    try {
      csv('id,text,title\n1,a,b\n', name);
    } catch (error) {
      return (error as TextError).remedies.map(({ set }) => set?.field);
    }
    return undefined;
  };
  assert.deepEqual(remedies('txet'), ['text']);
  assert.deepEqual(remedies('titel'), ['title']);
  assert.deepEqual(remedies('description'), []);
});

test('errors in a file have the line', () => {
  failure(() => csv('id,name\n1,x\n'), /t\.csv has no field "text"\. Its fields are "id", "name"\./);
  failure(() => csv('id,text\n1,x\n2\n'), /line 3: a row of 1 fields, expected 2/);
  failure(() => csv('id,text\n1,x\n2,"open\n3,y\n'), /line 3: a quote that is opened here is never closed/);
  failure(() => csv(''), /has no field/);
  failure(() => lines('{"a":1}\n{"b":2}\n'), /has no field "text"\. Its fields are "a", "b"\./);
  failure(() => lines('{"text":"a"}\n{"text": \n'), /line 2: this is not JSON/);
  failure(() => lines('{"text":["a"]}\n'), /line 1: "text" is a list, expected a text/);
  failure(() => lines('[1]\n'), /line 1: expected an object/);
  failure(() => lines('{"__proto__":1}\n', 'toString'), /has no field/);
});

test('errors in a list have the number of the record', () => {
  const list = (text: string, name = 'text') =>
    read(new JsonRecords('t.json', 'json-list', field(name)), text);
  const good = '{"text": "a"}';
  failure(() => list(`[\n${good},\n\n${good},\n7]`), /^t\.json, record 3: expected an object/);
  failure(() => list(`[${good}, {"text":\n\n{}}]`), /^t\.json, record 2: "text" is an object/);
  failure(() => list(`[${`${good},\n`.repeat(1200)}null]`), /^t\.json, record 1,201: expected an object/);
  failure(() => list('[{"text":[]}]'), /^t\.json, record 1: "text" is a list/);
  failure(() => list('{}'), /^t\.json, line 1: expected a list of records/);
});

test('the name decides on the format, else the first character', () => {
  const start = (text: string) => () => new TextEncoder().encode(text);
  assert.equal(recordFormat('a.CSV.gz', start('{')), 'csv');
  assert.equal(recordFormat('a.tsv', start('')), 'csv');
  assert.equal(recordFormat('a.jsonl', start('')), 'json-lines');
  assert.equal(recordFormat('a.json', start(' [{')), 'json-list');
  assert.equal(recordFormat('a.json', start('{"a"')), 'json-lines');
  assert.equal(recordFormat('-', start('\ufeff{"a"')), 'json-lines');
  assert.equal(recordFormat('data', start('a,b')), 'csv');
});

test('a name that decides on the format spares decoding the start of the file', () => {
  const fail = () => assert.fail('decoded');
  for (const [name, format] of [
    ['a.csv', 'csv'],
    ['a.TSV.gz', 'csv'],
    ['a.ndjson', 'json-lines'],
  ] as const) {
    assert.equal(recordFormat(name, fail), format);
  }
});

test('keeps only a part of a large file in memory', async (context) => {
  const path = join(temporaryFolder(context), 'large.jsonl');
  const line = (text: string) => `${JSON.stringify({ text, other: 'x'.repeat(4000) })}\n`;
  writeFileSync(path, Array.from({ length: 9000 }, (_, i) => line(`v${i % 10}`)).join(''));
  const reading = { encoding: 'auto', lineEnds: 'keep', field: field('text') } as const;
  const file = { path, name: path, size: statSync(path).size, reading };
  let largest = 0;
  let text = '';
  let raw = 0;
  for await (const block of textBlocks(file, 1 << 20)) {
    largest = Math.max(largest, block.raw.length);
    raw += block.raw.length;
    text += Buffer.from(block.bytes).toString();
  }
  assert.equal(raw, file.size);
  assert.equal(text, Array.from({ length: 9000 }, (_, i) => `v${i % 10}\n`).join(''));
  assert.ok(file.size > 36e6 && largest < 20e6, `${largest} of ${file.size}`);
});

test('reads the same documents from disk and memory, in any encoding, packed or not', async (context) => {
  const folder = temporaryFolder(context);
  const values = Array.from({ length: 40 }, (_, i) => `value ${i} é`);
  const table = ['id;text', ...values.map((value, i) => `${i};"${value}"`)].join('\r\n');
  const plain = Buffer.from(table, 'utf8');
  const files = {
    'a.csv': plain,
    'b.csv': Buffer.from(table, 'latin1'),
    'c.csv.gz': gzipSync(plain),
    'd.csv': Buffer.concat([Uint8Array.of(0xff, 0xfe), Buffer.from(table, 'utf16le')]),
    'e.jsonl': Buffer.from(values.map((text) => JSON.stringify({ text })).join('\n')),
  };
  const options = { ...OPTIONS, field: 'text', separator: '\n' };
  const memory = await buildCorpus({ text: plain, name: 'x' }, options);
  const expected = await tokensOf(memory.tokens);
  assert.equal(memory.text.documents, values.length);
  for (const [name, bytes] of Object.entries(files)) {
    writeFileSync(join(folder, name), bytes);
    const corpus = await loadCorpus({ paths: [join(folder, name)] }, options);
    assert.deepEqual(await tokensOf(corpus.tokens), expected, name);
    await corpus.close?.();
  }
  await assert.rejects(loadCorpus({ paths: [join(folder, 'a.csv')] }, { ...options, field: 'no' }), {
    code: 'text-field',
  });
});

test('distinguishes JSON from CSV in every encoding', async (context) => {
  const folder = temporaryFolder(context);
  const options = { ...OPTIONS, field: 'text', separator: '\n' };
  const records = ['Größe', 'für'].map((text) => ({ text }));
  const texts = {
    'list.json': JSON.stringify(records, null, 1),
    'lines.json': `\n${records.map((record) => JSON.stringify(record)).join('\r\n')}`,
    'table.txt': 'text,{}\nGröße,[\nfür,]\n',
  };
  for (const encoding of ['utf-8', 'utf-16le', 'utf-16be', 'utf-32le', 'utf-32be', 'windows-1252']) {
    const isWide = encoding.endsWith('e') && encoding.startsWith('utf');
    for (const start of isWide ? ['', '\ufeff'] : ['']) {
      for (const [name, text] of Object.entries(texts)) {
        const bytes = encodeText(start + text, encoding);
        const path = join(folder, name);
        writeFileSync(path, bytes);
        for (const named of ['auto', encoding]) {
          const ways = {
            memory: await buildCorpus({ text: bytes, name: 'x' }, { ...options, encoding: named }),
            file: await loadCorpus({ paths: [path] }, { ...options, encoding: named }),
          };
          for (const [way, { tokens, vocabulary, close }] of Object.entries(ways)) {
            const read = (await tokensOf(tokens)).map((token) => vocabulary.symbolOf(token)).join('');
            assert.equal(read, 'Größe\nfür\n', `${name} in ${encoding}, ${named}, ${way}`);
            await close?.();
          }
        }
      }
    }
  }
});

const OPTIONS = { tokens: 'character', normalize: 'none', minCount: 1, unknown: 'error' } as const;

test('rejects bytes that are not UTF-8, and does not replace them', () => {
  const bad = (text: string) => Buffer.from(text, 'latin1');
  const csvFile = () =>
    new CsvColumn('t.csv', field('text')).push(bad('id,text\n1,plain\n2,caf\xe9\n'), true);
  const jsonFile = () =>
    new JsonRecords('t.jsonl', 'json-lines', field('text')).push(bad('{"text":"caf\xe9"}\n'), true);
  failure(csvFile, /^t\.csv is not valid UTF-8 from line 3 on/);
  failure(jsonFile, /^t\.jsonl is not valid UTF-8 from line 1 on/);
  failure(() => new CsvColumn('t.csv', field('text')).push(bad('id,te\xe9\n'), true), /not valid UTF-8/);
});

test('an error shortens the name of a long field', () => {
  const long = 'x'.repeat(100_000);
  failure(() => csv(`id,${long}\n1,a\n`), /^[\s\S]{1,400}$/);
  failure(() => lines(`{"${long}":"a"}\n`), /^[\s\S]{1,400}$/);
});
