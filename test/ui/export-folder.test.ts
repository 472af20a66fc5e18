/** The folder of an export: what an export replaces, what it leaves alone, and what it refuses. */
import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SiteFolder } from '../../src/ui/export/site-folder.node.ts';
import { withoutFolders } from '../../src/ui/export/without-places.ts';
import { temporaryFolder } from '../temporary-folder.ts';

async function publish(target: string, files: Readonly<Record<string, string>>): Promise<void> {
  const site = await SiteFolder.open(target);
  try {
    for (const [path, content] of Object.entries(files)) await site.write(path, content);
    await site.publish();
  } catch (error) {
    await site.discard();
    throw error;
  }
}

/** The files of a folder, without the mark. */
function filesIn(folder: string): string[] {
  const all = readdirSync(folder, { recursive: true, withFileTypes: true });
  return all
    .filter((one) => !one.isDirectory() && one.name !== '.char-rnn-export')
    .map((one) => join(one.parentPath ?? one.path, one.name).slice(folder.length + 1))
    .sort();
}

test('a later export replaces the files of the earlier one, and leaves a repository and other files alone', async (context) => {
  const site = join(temporaryFolder(context), 'pages', 'site');
  await publish(site, { 'index.html': 'one', 'runs/old.json': '1', 'runs/both.json': '1' });
  mkdirSync(join(site, '.git'));
  writeFileSync(join(site, '.git', 'HEAD'), 'main');
  writeFileSync(join(site, 'CNAME'), 'example.org');
  await publish(site, { 'index.html': 'two', 'runs/both.json': '2', 'more/new.json': '2' });
  assert.deepEqual(filesIn(site), ['.git/HEAD', 'CNAME', 'index.html', 'more/new.json', 'runs/both.json']);
  assert.equal(readFileSync(join(site, 'index.html'), 'utf8'), 'two');
  await publish(site, { 'index.html': 'three' });
  assert.deepEqual(readdirSync(site).sort(), ['.char-rnn-export', '.git', 'CNAME', 'index.html']);
});

test('a file in the place of a new one is not replaced, and nothing else changes', async (context) => {
  const site = join(temporaryFolder(context), 'site');
  await publish(site, { 'index.html': 'one' });
  writeFileSync(join(site, 'new.json'), 'mine');
  await assert.rejects(publish(site, { 'index.html': 'two', 'new.json': 'theirs' }), {
    code: 'checkpoint-unwritable',
    message: /new\.json is not from an export of this program, so it is not replaced\. Move it away/,
  });
  assert.deepEqual(filesIn(site), ['index.html', 'new.json']);
  assert.equal(readFileSync(join(site, 'index.html'), 'utf8'), 'one');
});

test('a link to a folder: the files are replaced where it leads', async (context) => {
  const folder = temporaryFolder(context);
  await publish(join(folder, 'served'), { 'index.html': 'one' });
  symlinkSync(join(folder, 'served'), join(folder, 'link'));
  await publish(join(folder, 'link'), { 'index.html': 'two' });
  assert.ok(lstatSync(join(folder, 'link')).isSymbolicLink());
  assert.equal(readFileSync(join(folder, 'served', 'index.html'), 'utf8'), 'two');
});

test('a folder with other files is refused; an export that fails leaves nothing behind', async (context) => {
  const folder = temporaryFolder(context);
  writeFileSync(join(folder, 'thesis.tex'), '');
  await assert.rejects(SiteFolder.open(folder), /is a folder that is not an export of this program/);
  await assert.rejects(SiteFolder.open(join(folder, 'thesis.tex')), /is a file, and is not an export/);
  const site = await SiteFolder.open(join(folder, 'site'));
  await site.write('index.html', 'one');
  await site.discard();
  assert.deepEqual(readdirSync(folder), ['thesis.tex']);
});

test('a folder that can not be written is one sentence', async (context) => {
  const folder = temporaryFolder(context);
  writeFileSync(join(folder, 'file'), '');
  await assert.rejects(SiteFolder.open(join(folder, 'file', 'site')), {
    code: 'checkpoint-unwritable',
    message: /site can't be written: a part of the path is a file, not a folder \(ENOTDIR\)\.$/,
  });
  const site = await SiteFolder.open(join(folder, 'site'));
  await site.write('a', 'x');
  await assert.rejects(site.write('a/b', 'x'), { code: 'checkpoint-unwritable' });
  await site.discard();
});

test('a mark that somebody has edited deletes nothing outside the folder', async (context) => {
  const folder = temporaryFolder(context);
  const [site, other] = [join(folder, 'site'), join(folder, 'other')];
  mkdirSync(other);
  for (const name of ['a', 'b']) writeFileSync(join(other, name), '');
  await publish(site, { 'index.html': 'one' });
  symlinkSync(other, join(site, 'way'));
  const lines = ['char-rnn', '../other/a', join(other, 'a'), 'x/../../other/a', 'way/b', '..', '.'];
  writeFileSync(join(site, '.char-rnn-export'), `${lines.join('\n')}\nindex.html\n`);
  await publish(site, { 'index.html': 'two' });
  assert.deepEqual(readdirSync(other), ['a', 'b']);
  assert.ok(existsSync(join(site, 'way')));
});

test('messages keep the last part of a path, and web addresses', () => {
  const folders = ['/home/me/my runs'];
  for (const [text, shown] of [
    [
      'resuming /home/me/cv/lm_lstm_epoch1.00_i40.safetensors at iteration 40',
      'resuming lm_lstm_epoch1.00_i40.safetensors at iteration 40',
    ],
    ['resuming ../thesis/cv/best.safetensors, in ../..', 'resuming best.safetensors, in ..'],
    ['saved /home/me/my runs/a.safetensors', 'saved my runs/a.safetensors'],
    ['C:\\Users\\me\\cv\\best.safetensors is damaged', 'best.safetensors is damaged'],
    ['`/srv/data/` is full: train --checkpoint-dir=/mnt/b/cv', '`data` is full: train --checkpoint-dir=cv'],
    [
      'see https://example.org/a/b and 1/2 of cv/best, or and/or',
      'see https://example.org/a/b and 1/2 of cv/best, or and/or',
    ],
  ] as const)
    assert.equal(withoutFolders(text, folders), shown);
});
