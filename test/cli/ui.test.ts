/** `char-rnn ui` as a person starts and ends it. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../temporary-folder.ts';
import { run, writeLog } from '../ui/logs.ts';
import { charRnn, skipWithoutSignals } from './command.ts';
import { residentCharRnn } from './resident.ts';

const resident = residentCharRnn();

interface Listed {
  readonly changed: readonly { readonly name: string }[];
  readonly isSearching: boolean;
}

test('it prints one address, serves the pages and the runs there, and Ctrl-C ends it', {
  skip: skipWithoutSignals,
}, async (context) => {
  const cwd = temporaryFolder(context);
  writeLog(join(cwd, 'cv', 'lstm.log.jsonl'), run(20));
  let answers: Promise<[string, number, Listed]> | undefined;
  const { code, stdout, stderr } = await charRnn(['ui', '--no-open', '--port', '0'], {
    cwd,
    onOutput: (soFar, child) => {
      const [, url, token] = /^(http:\/\/127\.0\.0\.1:\d+\/)#token=([\w-]{24})\n$/.exec(soFar) ?? [];
      if (url === undefined || answers) return;
      answers = (async () => {
        const page = await (await fetch(url)).text();
        const refused = await fetch(`${url}api/runs`);
        const headers = { authorization: `Bearer ${token}` };
        let listed: Listed;
        do listed = (await (await fetch(`${url}api/runs`, { headers })).json()) as Listed;
        while (listed.isSearching);
        return [page, refused.status, listed] as [string, number, Listed];
      })();
      answers.finally(() => child.kill('SIGINT')).catch(() => {});
    },
  });
  assert.ok(answers, stdout);
  const [page, refused, listed] = await answers;
  assert.match(page, /<meta name="source" content="server">/);
  assert.equal(refused, 401);
  assert.deepEqual(
    listed.changed.map(({ name }) => name),
    ['cv'],
  );
  assert.equal(code, 0);
  assert.match(stderr, /Ctrl-C/);
});

test('a missing folder is no error, a file and a port that is taken are', async (context) => {
  const cwd = temporaryFolder(context);
  const started = await charRnn(['ui', 'later', '--no-open', '--port', '0'], {
    cwd,
    onErrors: (soFar, child) => {
      if (/no folder later yet/.test(soFar)) child.kill('SIGTERM');
    },
  });
  assert.match(started.stdout, /#token=/);
  writeFileSync(join(cwd, 'file'), '');
  const file = await resident(['ui', 'file'], { cwd });
  assert.match(file.stderr, /file is a file, not a folder/);
  assert.notEqual(file.code, 0);
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  context.after(() => other.close());
  const { port } = other.address() as AddressInfo;
  const taken = await resident(['ui', '--no-open', '--port', String(port)], { cwd });
  assert.match(taken.stderr, new RegExp(`port ${port}`));
  assert.match(taken.stderr, /--port 0/);
  assert.notEqual(taken.code, 0);
});

test('it opens its address in the browser, unless --no-open is given or there is no screen', {
  skip: skipWithoutSignals,
}, async (context) => {
  const cwd = temporaryFolder(context);
  mkdirSync(join(cwd, 'cv'));
  const opener = join(cwd, process.platform === 'darwin' ? 'open' : 'xdg-open');
  writeFileSync(opener, '#!/bin/sh\nprintf %s "$1" > "$OPENED.part" && mv "$OPENED.part" "$OPENED"\n', {
    mode: 0o755,
  });
  /** What is printed, and what the opener was asked for. */
  const openedBy = async (
    name: string,
    { opens = false, isTTY = true, display = ':0', words = [] as string[] },
  ) => {
    const file = join(cwd, name);
    const { stdout } = await charRnn(['ui', '--port', '0', ...words], {
      cwd,
      env: { PATH: `${cwd}:${process.env.PATH}`, OPENED: file, DISPLAY: display, WAYLAND_DISPLAY: '' },
      preload: `process.stdout.isTTY = ${isTTY};`,
      onErrors: async (soFar, child) => {
        if (!/Ctrl-C/.test(soFar)) return;
        // The opener is a process of its own. Where none should be started, there is a second for one.
        for (const end = Date.now() + (opens ? 60_000 : 1000); !existsSync(file) && Date.now() < end; )
          await new Promise((done) => setTimeout(done, 25));
        child.kill('SIGINT');
      },
    });
    return { printed: stdout.trim(), opened: existsSync(file) ? readFileSync(file, 'utf8') : undefined };
  };
  const shown = await openedBy('shown', { opens: true });
  assert.match(shown.printed, /#token=/);
  assert.equal(shown.opened, shown.printed);
  assert.equal((await openedBy('flag', { words: ['--no-open'] })).opened, undefined);
  assert.equal((await openedBy('pipe', { isTTY: false })).opened, undefined);
  if (process.platform === 'linux')
    assert.equal((await openedBy('no-display', { display: '' })).opened, undefined);
});

test('hosts are names, without wildcards', async () => {
  for (const name of [
    '*',
    '*.example.com',
    'http://example.com',
    'a b',
    'example.com/',
    'example.com:x',
    '-a',
  ]) {
    const { code, stderr } = await resident(['ui', `--allow-host=${name}`]);
    assert.notEqual(code, 0, name);
    assert.match(stderr, /--allow-host/);
  }
});

test('a database that is not PostgreSQL’s is an error, which hides its password', async () => {
  const { code, stderr } = await resident(['ui', '--database', 'mysql://u:secret@h/d']);
  assert.equal(code, 2);
  assert.match(stderr, /database: got "mysql:\/\/u:\*\*\*@h\/d", expected postgres:\/\//);
});

test('an export replaces an earlier one, and nothing else', async (context) => {
  const cwd = temporaryFolder(context);
  writeLog(join(cwd, 'cv', 'lstm.log.jsonl'), run(20));
  const first = await resident(['ui', '--export', 'site'], { cwd });
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stderr, /wrote site: the pages with 1 run, \d+ files/);
  const index = readFileSync(join(cwd, 'site', 'index.html'), 'utf8');
  assert.match(index, /<meta name="source" content="snapshot">/);
  const kernels = readdirSync(join(cwd, 'site', 'kernels')).map((name) =>
    name.replace(/-[0-9A-F]{8}\./, '.'),
  );
  assert.ok(kernels.includes('fused.wasm'), `${kernels}`);
  assert.equal(
    JSON.parse(readFileSync(join(cwd, 'site', 'snapshot', 'index.json'), 'utf8')).runs.changed.length,
    1,
  );
  writeFileSync(join(cwd, 'site', 'CNAME'), '');
  const second = await resident(['ui', 'cv', '--export', 'site'], { cwd });
  assert.equal(second.code, 0, second.stderr);
  assert.equal(existsSync(join(cwd, 'site', 'CNAME')), true);
  mkdirSync(join(cwd, 'mine'));
  writeFileSync(join(cwd, 'mine', 'thesis.txt'), 'x');
  for (const target of ['mine', 'cv', '.']) {
    const refused = await resident(['ui', 'cv', '--export', target], { cwd });
    assert.notEqual(refused.code, 0, target);
    assert.match(refused.stderr, /is not an export of this program/);
  }
  assert.deepEqual(readdirSync(join(cwd, 'mine')), ['thesis.txt']);
  assert.deepEqual(readdirSync(cwd).sort(), ['cv', 'mine', 'site']);
  const none = await resident(['ui', 'nothing', '--export', 'static'], { cwd });
  assert.equal(none.code, 0, none.stderr);
  assert.match(none.stderr, /there is no folder nothing: the export will have no runs of it/);
  assert.match(
    readFileSync(join(cwd, 'static', 'index.html'), 'utf8'),
    /<meta name="source" content="site">/,
  );
});
