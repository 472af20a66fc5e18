/** If the disk becomes full while tokens are written, another folder is used, and no unfinished file takes up space. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { tokenFileBytes } from '../../src/data/tokens/token-file.node.ts';
import { root } from '../cli/command.ts';
import { canMount } from '../soak/disk-full.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const PAGE = 4096;
const TEXT = 'the harbour wall, the rain\n'.repeat(150_000);
const pagesOf = (bytes: number) => Math.ceil(bytes / PAGE);
const TOKENS = tokenFileBytes({ count: TEXT.length, width: 1, hasDocuments: false });

/** Loads the text from a file system with the given number of free pages. Returns the result. */
const PROGRAM = `
  import { execFileSync } from 'node:child_process';
  import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
  import { join } from 'node:path';
  const [module, folder, text, disks] = process.argv.slice(-4);
  const { loadCorpus } = await import(module);
  const outcomes = [];
  for (const { pages, cache, memory } of JSON.parse(disks)) {
    const disk = join(folder, 'disk' + outcomes.length);
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'nr_blocks=' + pages, 'none', disk]);
    writeFileSync(join(disk, 'book.txt'), text.repeat(150_000));
    process.env.XDG_CACHE_HOME = join(cache === 'there' ? disk : folder, 'cache');
    let outcome;
    try {
      const corpus = await loadCorpus({ paths: [join(disk, 'book.txt')] }, { tokens: 'character', normalize: 'none', minCount: 1, unknown: 'error', memory });
      const tokens = new Int32Array(corpus.tokens.length);
      await corpus.tokens.read(0, tokens);
      const isText = Array.from(tokens, (token) => corpus.vocabulary.symbolOf(token)).join('') === text.repeat(150_000);
      outcome = { isText, notices: corpus.notices.join() };
      await corpus.close?.();
    } catch (error) { outcome = { code: error.code }; }
    const files = readdirSync(disk, { recursive: true, withFileTypes: true });
    outcomes.push({ ...outcome, there: files.filter((file) => file.isFile()).map((file) => file.name) });
  }
  console.log(JSON.stringify(outcomes));`;

test('the disk becomes full while tokens are written', {
  skip: process.platform === 'linux' && canMount() ? false : 'no namespaces of mounts here',
}, (context) => {
  const text = pagesOf(TEXT.length);
  const disks = [
    // Half of the tokens fit.
    { pages: text + (pagesOf(TOKENS) >> 1), cache: 'elsewhere', memory: 1e9 },
    { pages: text + (pagesOf(TOKENS) >> 1), cache: 'there', memory: 1e9 },
    { pages: text + (pagesOf(TOKENS) >> 1), cache: 'there', memory: 1e6 },
    // The tokens fit, but not their record.
    { pages: text + pagesOf(TOKENS), cache: 'there', memory: 1e9 },
  ];
  const words = ['--import', 'tsx', '--input-type=module', '-e', PROGRAM, '--'];
  const module = new URL('src/data/corpus.node.ts', `file://${root}`).href;
  const { stdout, stderr } = spawnSync(
    'unshare',
    [
      '-rm',
      process.execPath,
      ...words,
      module,
      temporaryFolder(context),
      TEXT.slice(0, 27),
      JSON.stringify(disks),
    ],
    { encoding: 'utf8', cwd: root },
  );
  assert.notEqual(stdout, '', stderr);
  const [elsewhere, inMemory, nowhere, unrecorded] = JSON.parse(stdout);
  for (const outcome of [elsewhere, inMemory, nowhere, unrecorded])
    assert.deepEqual(outcome.there, ['book.txt'], 'nothing but the text');
  for (const outcome of [elsewhere, inMemory, unrecorded]) assert.ok(outcome.isText);
  assert.match(elsewhere.notices, /can't be saved next to it; they are in /);
  assert.match(inMemory.notices, /could not be saved for the next run/);
  assert.match(unrecorded.notices, /could not be saved for the next run/);
  assert.equal(nowhere.code, 'text-unkept');
});
