/** Figures, columns and events from logs: as from all events at once, whatever happens to the file. */
import assert from 'node:assert/strict';
import { appendFileSync, closeSync, openSync, renameSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { EventLogReader } from '../../src/train/log/event-log-reader.ts';
import { LoggedRun } from '../../src/train/log/logged-run.ts';
import { FactsLog } from '../../src/ui/run/facts-log.node.ts';
import { ReadRun } from '../../src/ui/run/read-run.node.ts';
import { RunColumns } from '../../src/ui/run/run-columns.ts';
import { RunFacts } from '../../src/ui/run/run-facts.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { asEvent, evaluated, finished, iteration, line, run, started, writeLog } from './logs.ts';

function factsOf(text: string) {
  const facts = new RunFacts();
  for (const event of new EventLogReader().read(Buffer.from(text))) facts.add(event);
  return facts.facts();
}

function readAll(log: FactsLog | ReadRun): void {
  while (log.readOn());
}

/** Events as a run logs them, with explosions, resumes, new runs, and iterations that were lost. */
const events = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: fc.record({ kind: fc.constant('on'), losses: fc.integer({ min: 1, max: 5 }) }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('evaluate'), loss: fc.float({ min: 0, max: 9 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('restore', 'resume'), back: fc.nat(10) }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constantFrom('new', 'notice', 'sample', 'finish', 'lose') }),
    },
  ),
  { maxLength: 60 },
);

type Step = { kind: string; losses?: number; loss?: number; back?: number };

function logOf(steps: readonly Step[]): string {
  let text = line(started());
  let at = 0;
  for (const { kind, losses = 0, loss = 0, back = 0 } of steps) {
    if (kind === 'on') for (let k = 0; k < losses; k++) text += line(iteration(++at, 1 + (at % 7) / 10));
    if (kind === 'lose') at += 3;
    if (kind === 'evaluate') text += line(evaluated(at, Number.isNaN(loss) ? null : loss));
    if (kind === 'restore' || kind === 'resume') at = Math.max(0, at - back);
    const restored = { reason: 'loss', learningRate: 0.001, retry: 1, retries: 5 };
    if (kind === 'restore') text += line({ type: 'restored', iteration: at, epoch: at / 10, ...restored });
    if (kind === 'resume') text += line(started({ start: 'resumed', iteration: at }));
    if (kind === 'new') at = 0;
    if (kind === 'new') text += line(started({ runId: 'run-2' }));
    if (kind === 'notice') text += line({ type: 'notice', message: 'hello' });
    if (kind === 'sample') text += line({ type: 'sampled', iteration: at, text: 'abc' });
    if (kind === 'finish') text += line(finished(at));
  }
  return text;
}

test('columns keep the losses that LoggedRun keeps', () => {
  fc.assert(
    fc.property(events, (steps) => {
      const logged = new LoggedRun();
      const columns = new RunColumns();
      for (const event of new EventLogReader().read(Buffer.from(logOf(steps)))) {
        logged.add(event);
        columns.add(event);
      }
      const { iterations, values } = logged.trainLosses;
      const series = columns.seriesOf('trainLoss');
      assert.deepEqual([...series.iterations], [...iterations]);
      assert.deepEqual([...series.column('trainLoss')], [...Float32Array.from(values)]);
      const validation = columns.seriesOf('validationLoss');
      assert.deepEqual([...validation.iterations], [...logged.validationLosses.iterations]);
    }),
  );
});

test('figures that pass over iterations are those of all events', (context) => {
  const folder = temporaryFolder(context);
  let number = 0;
  fc.assert(
    fc.property(events, fc.nat(1000), (steps, cut) => {
      const text = logOf(steps);
      const path = join(folder, `${number++}.log.jsonl`);
      writeLog(path, text.slice(0, cut));
      const log = new FactsLog(path);
      readAll(log);
      appendFileSync(path, text.slice(cut));
      readAll(log);
      assert.deepEqual(log.facts.facts(), factsOf(text));
      assert.equal(log.isPartial, false);
    }),
    { numRuns: 60, endOnFailure: true },
  );
});

test('a long log is looked at from both ends first, then read as a whole', (context) => {
  const path = join(temporaryFolder(context), 'lstm.log.jsonl');
  const text = `${run(9000)}${line(evaluated(9001, 9, false))}`;
  writeLog(path, text);
  const log = new FactsLog(path);
  assert.equal(log.readOn(), true);
  assert.equal(log.isPartial, true);
  const { iteration: last, settings, bestEvaluation } = log.facts.facts() ?? {};
  assert.deepEqual([last, settings?.seed], [9000, { value: 7, origin: 'flag' }]);
  assert.equal(bestEvaluation?.iteration, 9000);
  readAll(log);
  assert.equal(log.isPartial, false);
  assert.deepEqual(log.facts.facts(), factsOf(text));
});

test('a log that was cut, replaced or rewritten is read from its start', (context) => {
  const folder = temporaryFolder(context);
  const path = writeLog(join(folder, 'lstm.log.jsonl'), run(30));
  const read = new ReadRun(path);
  const facts = new FactsLog(path);
  const state = () => {
    readAll(read);
    readAll(facts);
    const { iterations } = read.columns.seriesOf('trainLoss');
    return [iterations.length, facts.facts.facts()?.iteration];
  };
  assert.deepEqual(state(), [30, 30]);
  const first = read.eventsAfter(undefined);
  assert.equal(first.isFromStart, true);
  // A program that is writing: half a line counts when it is whole.
  const next = line(iteration(31));
  appendFileSync(path, next.slice(0, 20));
  assert.deepEqual(state(), [30, 30]);
  appendFileSync(path, next.slice(20));
  assert.deepEqual(state(), [31, 31]);
  assert.equal(read.eventsAfter(first.position).isFromStart, false);
  truncateSync(path, run(5).length);
  assert.deepEqual(state(), [5, 5]);
  assert.equal(read.eventsAfter(first.position).isFromStart, true);
  writeLog(join(folder, 'other'), run(40, { runId: 'other' }));
  renameSync(join(folder, 'other'), path);
  assert.deepEqual(state(), [40, 40]);
  // The same file, written over with a longer log of another run.
  writeLog(path, run(60, { runId: 'third' }));
  assert.deepEqual(state(), [60, 60]);
  rmSync(path);
  assert.throws(() => read.readOn(), { code: 'ENOENT' });
  writeLog(path, run(3));
  assert.deepEqual(state(), [3, 3]);
});

test('a line of 1 GB, binary data and forged events do no harm', (context) => {
  const path = join(temporaryFolder(context), 'lstm.log.jsonl');
  writeLog(path, run(20));
  const file = openSync(path, 'r+');
  // A hole of zeros takes no space on the disk.
  writeSync(file, `\n${line(iteration(21))}`, 1e9);
  closeSync(file);
  appendFileSync(path, Buffer.of(0xff, 0xfe, 0x0a));
  appendFileSync(path, line({ type: 'iteration', iteration: 2 ** 53 - 1 }));
  appendFileSync(path, line(iteration(2 ** 40)));
  appendFileSync(path, line(iteration(22, null)));
  appendFileSync(
    path,
    `{"__proto__": {"polluted": true}, "type": "constructor", "time": "x"}\n[[[[]]]]\n\n\n`,
  );
  const before = process.memoryUsage().rss;
  const facts = new FactsLog(path);
  readAll(facts);
  assert.equal(facts.facts.facts()?.iteration, 22);
  assert.equal(facts.facts.facts()?.trainLoss, null);
  const read = new ReadRun(path);
  readAll(read);
  assert.deepEqual([...read.columns.seriesOf('trainLoss').iterations].slice(-3), [20, 21, 22]);
  assert.ok(process.memoryUsage().rss - before < 200e6);
  assert.equal(({} as { polluted?: boolean }).polluted, undefined);
});

test('events of a new run in the same log replace those of the one before, but its first messages are its own', (context) => {
  const path = join(temporaryFolder(context), 'lstm.log.jsonl');
  const message = (text: string) => line({ type: 'notice', message: text });
  writeLog(path, message('a') + run(10) + message('b') + message('c') + run(10));
  const read = new ReadRun(path);
  readAll(read);
  const shown = read
    .eventsAfter(undefined)
    .events.map((event) => ('message' in event ? event.message : event.type));
  assert.deepEqual(shown, ['b', 'c', 'started', 'evaluated']);
  const facts = new FactsLog(path);
  readAll(facts);
  assert.equal(facts.facts.facts()?.events, 4);
});

test('many events come in pages, and the oldest are dropped', (context) => {
  const path = join(temporaryFolder(context), 'lstm.log.jsonl');
  const text = 'x'.repeat(2000);
  const samples = Array.from({ length: 9000 }, (_, at) => line({ type: 'sampled', iteration: at, text }));
  writeLog(path, line(started()) + samples.join(''));
  const read = new ReadRun(path);
  readAll(read);
  const seen: number[] = [];
  let after: string | undefined;
  for (let pages = 0; ; pages++) {
    const page = read.eventsAfter(after);
    for (const event of page.events) if (event.type === 'sampled') seen.push(event.iteration);
    after = page.position;
    if (page.hasMore) continue;
    assert.ok(pages > 5);
    break;
  }
  assert.equal(seen.at(-1), 8999);
  assert.ok(seen.length > 4000 && seen.length < 9000);
  assert.deepEqual(
    seen,
    [...seen].sort((a, b) => a - b),
  );
  assert.deepEqual(read.eventsAfter(after).events, []);
  for (const forged of ['', 'x', 'x.y', `${after?.split('.')[0]}.-5`, `${after?.split('.')[0]}.1e99`])
    assert.deepEqual(read.eventsAfter(forged), read.eventsAfter(undefined), forged);
  assert.ok(read.eventsAfter(undefined).isFromStart);
});

test('the best evaluation is the lowest that was not discarded', () => {
  const facts = new RunFacts();
  for (const event of [started(), evaluated(10, 2), evaluated(20, 1), evaluated(30, null)])
    facts.add(asEvent(event));
  assert.deepEqual(facts.facts()?.bestEvaluation, { iteration: 20, epoch: 2, loss: 1 });
  facts.add(
    asEvent({
      type: 'restored',
      iteration: 15,
      epoch: 1.5,
      reason: '',
      learningRate: 1,
      retry: 1,
      retries: 5,
    }),
  );
  assert.deepEqual(facts.facts()?.bestEvaluation, { iteration: 10, epoch: 1, loss: 2 });
  for (let k = 2; k < 5000; k++) facts.add(asEvent(evaluated(k * 10, 3)));
  assert.deepEqual(facts.facts()?.bestEvaluation, { iteration: 10, epoch: 1, loss: 2 });
});

test('settings: the most important ones, and those with an origin, which say if they have their default', () => {
  const facts = new RunFacts();
  const options = {
    cell: 'lstm',
    seed: 7,
    evaluateEvery: 1000,
    checkpointEvery: '50',
    tokens: 'character',
    printEvery: 1,
  };
  const origins = {
    evaluateEvery: 'flag',
    checkpointEvery: 'checkpoint',
    seed: 'flag',
    printEvery: 'checkpoint',
  } as const;
  facts.add(asEvent(started({ start: 'resumed', options, origins })));
  assert.deepEqual(facts.facts()?.settings, {
    cell: { value: 'lstm', origin: 'default' },
    seed: { value: 7, origin: 'flag' },
    evaluateEvery: { value: 1000, origin: 'flag', isDefault: true },
    checkpointEvery: { value: '50', origin: 'checkpoint' },
  });
});
