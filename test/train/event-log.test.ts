import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type TrainingEvent, train } from '../../src/index.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const text = 'the harbour wall stood in the rain. '.repeat(40);
const small = { text, hiddenSize: 8, layers: 1, batchSize: 2, sequenceLength: 10, evaluateEvery: 2 };

async function run(options: Parameters<typeof train>[0]): Promise<TrainingEvent[]> {
  const all: TrainingEvent[] = [];
  for await (const event of train(options)) all.push(event);
  return all;
}

const linesOf = (path: string) => readFileSync(path, 'utf8').split('\n').slice(0, -1);

test('the log has one JSON object per event, in order, without the model', async (context) => {
  const checkpointDir = temporaryFolder(context);
  const events = await run({ ...small, checkpointDir, maxIterations: 3, saveName: 'mine' });
  const lines = linesOf(join(checkpointDir, 'mine.log.jsonl')).map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.map(({ type }) => type),
    events.map(({ type }) => type),
  );
  assert.ok(lines.every(({ time }) => !Number.isNaN(Date.parse(time))));
  const iterations = lines.filter(({ type }) => type === 'iteration');
  assert.deepEqual(
    iterations.map(({ iteration }) => iteration),
    [1, 2, 3],
  );
  assert.equal(typeof iterations[0].trainLoss, 'number');
  assert.equal(lines.at(-1).checkpoint, undefined);
  assert.equal(lines.at(-1).reason, 'iterations');
});

test('a resumed run continues the file on a new line, even if a kill has left an incomplete one', async (context) => {
  const checkpointDir = temporaryFolder(context);
  await run({ ...small, checkpointDir, maxIterations: 2 });
  const path = join(checkpointDir, 'lstm.log.jsonl');
  const before = linesOf(path).length;
  appendFileSync(path, '{"type":"iter');
  await run({ text, resume: checkpointDir, maxIterations: 3 });
  const lines = linesOf(path);
  assert.equal(lines[before], '{"type":"iter');
  const rest = lines.slice(before + 1).map((line) => JSON.parse(line));
  assert.equal(rest.filter(({ type }) => type === 'iteration').length, 1);
});

test('if the log can not be written, there is one warning, and training goes on', async (context) => {
  const checkpointDir = temporaryFolder(context);
  mkdirSync(join(checkpointDir, 'lstm.log.jsonl'));
  const events = await run({ ...small, checkpointDir, maxIterations: 3 });
  const warnings = events.filter((event) => event.type === 'warning' && event.code === 'log-unwritable');
  assert.equal(warnings.length, 1);
  assert.equal(events.at(-1)?.type, 'finished');
});
