/** Observers: which events they get, in which order, and that each is closed. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { eventLog, type TrainingEvent, type TrainingObserver, train } from '../../src/index.ts';
import { notifyObservers } from '../../src/train/observers/observers.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const text = 'the harbour wall stood in the rain. '.repeat(40);
const small = { text, hiddenSize: 8, layers: 1, batchSize: 2, sequenceLength: 10, maxIterations: 3 };
const notice = (message: string): TrainingEvent => ({ type: 'notice', message });
const nameOf = (event: TrainingEvent) => (event.type === 'notice' ? event.message : event.type);

async function* given(events: readonly TrainingEvent[]): AsyncGenerator<TrainingEvent> {
  yield* events;
}

/** An observer that records the names of events, and adds a notice after some of them. */
function recorder(answers: Readonly<Record<string, string>> = {}) {
  const seen: string[] = [];
  let closed = 0;
  const observer: TrainingObserver = {
    async observe(event) {
      seen.push(nameOf(event));
      const answer = answers[nameOf(event)];
      return answer === undefined ? undefined : [notice(answer)];
    },
    close() {
      closed++;
    },
  };
  return { observer, seen, closed: () => closed };
}

test('events that an observer adds follow its event, for later observers and the caller, but precede finished', async () => {
  const first = recorder({ a: 'of a', finished: 'at the end' });
  const second = recorder({ 'of a': 'of of a' });
  const third = recorder();
  const finished = { type: 'finished' } as TrainingEvent;
  const events = notifyObservers(
    given([notice('a'), finished]),
    [first, second, third].map((one) => one.observer),
  );
  const received: string[] = [];
  for await (const event of events) received.push(nameOf(event));
  assert.deepEqual(received, ['a', 'of a', 'of of a', 'at the end', 'finished']);
  assert.deepEqual(first.seen, ['a', 'finished']);
  assert.deepEqual(second.seen, ['a', 'of a', 'at the end', 'finished']);
  assert.deepEqual(third.seen, received);
  assert.deepEqual(
    [first, second, third].map((one) => one.closed()),
    [1, 1, 1],
  );
});

test('each observer is closed once, if the caller leaves, the run is interrupted, or an observer fails', async () => {
  const failing = (where: 'observe' | 'close'): TrainingObserver => ({
    observe() {
      if (where === 'observe') throw new Error('observe');
      return undefined;
    },
    close() {
      if (where === 'close') throw new Error('close');
    },
  });
  const ways: readonly { other?: TrainingObserver; leaves?: true; stops?: true; error?: RegExp }[] = [
    { leaves: true },
    { stops: true },
    { other: failing('observe'), error: /^Error: observe$/ },
    { other: failing('close'), error: /^Error: close$/ },
  ];
  for (const { other, leaves, stops, error } of ways) {
    const [before, after] = [recorder(), recorder()];
    const observers = [before.observer, ...(other ? [other] : []), after.observer];
    const stop = new AbortController();
    const run = async () => {
      for await (const event of train({ ...small, signal: stop.signal, observers })) {
        if (leaves && event.type === 'iteration') break;
        if (stops) stop.abort();
      }
    };
    if (error) await assert.rejects(run(), error);
    else await run();
    assert.deepEqual([before.closed(), after.closed()], [1, 1], String(error));
  }
});

test('a log without checkpoints has the same events as the caller gets', async (context) => {
  const folder = temporaryFolder(context);
  const { observer, seen } = recorder();
  const received: string[] = [];
  for await (const event of train({ ...small, observers: [eventLog(folder), observer] }))
    received.push(nameOf(event));
  const lines = readFileSync(join(folder, 'lstm.log.jsonl'), 'utf8').trim().split('\n');
  assert.deepEqual(
    lines.map((line) => nameOf(JSON.parse(line))),
    received,
  );
  assert.deepEqual(seen, received);
});

test("if the program adds a log to the run's own in the same folder, the file is written once, with the events that observers add", async (context) => {
  const checkpointDir = join(temporaryFolder(context), 'cv');
  const { observer, seen } = recorder();
  const adder = {
    observe: (event: TrainingEvent) =>
      event.type === 'started' ? [{ type: 'notice', message: 'added' } as const] : undefined,
  };
  const observers = [eventLog(relative('.', checkpointDir)), adder, eventLog(), observer];
  for await (const _ of train({ ...small, checkpointDir, observers }));
  const lines = readFileSync(join(checkpointDir, 'lstm.log.jsonl'), 'utf8').trim().split('\n');
  assert.deepEqual(
    lines.map((line) => nameOf(JSON.parse(line))),
    seen,
  );
});

test('the log of a run has the events that observers add', async (context) => {
  const checkpointDir = join(temporaryFolder(context), 'cv');
  const adder = {
    observe: (event: TrainingEvent) =>
      event.type === 'started' ? [{ type: 'notice', message: 'added' } as const] : undefined,
  };
  for await (const _ of train({ ...small, checkpointDir, observers: [adder] }));
  const log = readFileSync(join(checkpointDir, 'lstm.log.jsonl'), 'utf8');
  assert.equal(log.match(/"message":"added"/g)?.length, 1);
});

test('if the folder is deleted, the files are rewritten, and later observers get the warning', async (context) => {
  const folder = temporaryFolder(context);
  const [checkpointDir, tensorboardDir] = [join(folder, 'cv'), join(folder, 'board')];
  const { observer, seen } = recorder();
  for await (const event of train({ ...small, checkpointDir, tensorboardDir, observers: [observer] })) {
    if (event.type === 'iteration' && event.iteration === 1) rmSync(tensorboardDir, { recursive: true });
  }
  const rewritten = seen.filter((name) => name === 'warning').length;
  const log = readFileSync(join(checkpointDir, 'lstm.log.jsonl'), 'utf8');
  assert.ok(rewritten >= 1 && /"code":"record-deleted"/.test(log), `${rewritten}`);
});
