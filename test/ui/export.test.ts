/** What an export holds: the answers of the server as files, without what others need not know. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { decodeCheckpoint } from '../../src/checkpoint/codec.ts';
import { FolderLock } from '../../src/checkpoint/storage/folder-lock.node.ts';
import { train } from '../../src/train/train.node.ts';
import { decodeFrames } from '../../src/ui/curve-frames.ts';
import { exportSite } from '../../src/ui/export/export-site.node.ts';
import type { CurveFrame, EventsPage, RunDetail, SnapshotIndex, SweepDetail } from '../../src/ui/protocol.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { run, writeLog } from './logs.ts';
import { makeSweep } from './sweeps.ts';

test('an export has the runs, their events, curves and models, and no names of the machine and its folders', async (context) => {
  const folder = temporaryFolder(context);
  const [runs, site] = [join(folder, 'runs'), join(folder, 'site')];
  writeLog(join(runs, 'made', 'lstm.log.jsonl'), run(50));
  const text = `${'the quick brown fox jumps over the lazy dog. '.repeat(60)}\n`;
  const [textFile, validation, test] = ['my book.txt', 'valid.txt', 'test.txt'].map((name) =>
    join(folder, name),
  );
  for (const path of [textFile, validation, test]) writeFileSync(path as string, text);
  const checkpointDir = join(runs, 'trained');
  for await (const _ of train({
    ...{ textFile: textFile as string, validation, test, checkpointDir, maxIterations: 4, evaluateEvery: 2 },
    ...{ batchSize: 4, sequenceLength: 8, hiddenSize: 4, layers: 1, engine: 'reference' },
  }));
  // Its log names the checkpoint that it resumes from, and a rate that has no effect.
  for await (const _ of train({
    resume: checkpointDir,
    maxIterations: 6,
    adamBeta1: 0.8,
    engine: 'reference',
  }));
  await (await makeSweep(join(runs, 'sweep'), { jobs: 8, exploding: [2] })).close();
  const { runs: count } = await exportSite({ folders: [runs] }, site);
  assert.equal(count, 2);
  const json = <T>(path: string): T => JSON.parse(readFileSync(join(site, 'snapshot', path), 'utf8'));
  const index = json<SnapshotIndex>('index.json');
  assert.deepEqual(index.runs.folders, ['runs']);
  assert.deepEqual(index.runs.changed.map(({ name }) => name).sort(), [
    join('runs', 'made'),
    join('runs', 'trained'),
  ]);
  for (const { id, name } of index.runs.changed) {
    const { checkpoints, start } = json<RunDetail>(`runs/${id}.json`);
    assert.equal(start?.type, 'started');
    assert.equal(checkpoints.length > 0, name.endsWith('trained'));
    for (const checkpoint of checkpoints) {
      const bytes = readFileSync(join(site, 'snapshot', 'checkpoints', `${checkpoint.id}.safetensors`));
      assert.equal(decodeCheckpoint(bytes, 'exported').training, undefined);
    }
    const page = json<EventsPage>(`events/${id}.json`);
    assert.deepEqual([page.isFromStart, page.hasMore], [true, false]);
    assert.ok(page.events.some(({ type }) => type === 'started'));
    const frames: CurveFrame[] = [];
    for await (const frame of decodeFrames([readFileSync(join(site, 'snapshot', 'curves', `${id}.bin`))]))
      frames.push(frame);
    assert.deepEqual(
      frames.map((frame) => frame.type === 'curve' && frame.metric),
      index.curves.map(({ metric }) => metric),
    );
  }
  const [sweep, ...others] = index.sweeps;
  assert.deepEqual(
    [sweep?.name, sweep?.folder, sweep?.text, others],
    ['book', join('runs', 'sweep'), 'book.txt', []],
  );
  assert.equal(json<SweepDetail>(`sweeps/${sweep?.id}.json`).trials.length, 18);
  const secrets = new RegExp(`/home/me|secret-host|${folder}|"host"|"paths"|${hostname()}`);
  for (const name of readdirSync(join(site, 'snapshot'), { recursive: true, withFileTypes: true })) {
    if (!name.isFile()) continue;
    const path = join(name.parentPath ?? name.path, name.name);
    assert.doesNotMatch(readFileSync(path, 'latin1'), secrets, path);
  }
});

test('a folder beside the working folder is named by its last part', async (context) => {
  const folder = temporaryFolder(context);
  writeLog(join(folder, 'thesis', 'cv', 'lstm.log.jsonl'), run(5));
  mkdirSync(join(folder, 'work'));
  const before = process.cwd();
  context.after(() => process.chdir(before));
  process.chdir(join(folder, 'work'));
  await exportSite({ folders: ['../thesis'] }, 'site');
  const index = readFileSync(join('site', 'snapshot', 'index.json'), 'utf8');
  assert.match(index, /"thesis\/cv"/);
  assert.doesNotMatch(index, /\.\./);
});

test('two folders with the same name, one given with a trailing slash, get different names', async (context) => {
  const folder = temporaryFolder(context);
  const [one, other, site] = [join(folder, 'one', 'cv'), join(folder, 'other', 'cv'), join(folder, 'site')];
  writeLog(join(one, 'deep', 'lstm.log.jsonl'), run(5));
  writeLog(join(other, 'lstm.log.jsonl'), run(5));
  await exportSite({ folders: [`${one}/`, other] }, site);
  const { runs }: SnapshotIndex = JSON.parse(readFileSync(join(site, 'snapshot', 'index.json'), 'utf8'));
  assert.deepEqual(runs.changed.map(({ name }) => name).sort(), ['cv (2)', join('cv', 'deep')]);
});

test('a run that is training while it is exported: the export says so, and gives no remaining time', async (context) => {
  const folder = temporaryFolder(context);
  const [runs, site] = [join(folder, 'runs'), join(folder, 'site')];
  const timed = { type: 'timed', restMilliseconds: 60_000_000, ...{ iteration: 20, iterations: 1000 } };
  writeLog(
    join(runs, 'lstm.log.jsonl'),
    run(20) + JSON.stringify({ time: new Date().toISOString(), ...timed }),
  );
  const lock = await FolderLock.acquire(runs);
  context.after(() => lock.release());
  await exportSite({ folders: [runs] }, site);
  const index: SnapshotIndex = JSON.parse(readFileSync(join(site, 'snapshot', 'index.json'), 'utf8'));
  const [summary] = index.runs.changed;
  assert.deepEqual([summary?.state, summary?.rest], ['running', null]);
  assert.match(
    index.runs.notices.join(),
    /^Exported on \d{4}-\d\d-\d\d at \d\d:\d\d UTC\. One run was still training then\.$/,
  );
});
