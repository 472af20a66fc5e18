/** Reading logs: those of this version, one that commit 7f30f74 wrote, logs that are still growing, and lines that are not events. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import {
  EventLogReader,
  type LoggedEvent,
  LoggedRun,
  type LossRecord,
  type ReadEventLogInput,
  readEventLog,
  type SkippedLine,
  type TrainInput,
  type TrainingEvent,
  train,
} from '../../src/index.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const logs = fileURLToPath(new URL('../fixtures/logs', import.meta.url));
const text = 'the harbour wall stood in the rain. '.repeat(40);
const small = { text, hiddenSize: 8, layers: 1, batchSize: 2, sequenceLength: 10, evaluateEvery: 4 };

async function run(input: TrainInput): Promise<TrainingEvent[]> {
  const all: TrainingEvent[] = [];
  for await (const event of train(input)) all.push(event);
  return all;
}

async function read(path: string, input?: ReadEventLogInput) {
  const events: LoggedEvent[] = [];
  const skipped: SkippedLine[] = [];
  for await (const event of readEventLog(path, { ...input, onSkipped: (line) => skipped.push(line) }))
    events.push(event);
  const logged = new LoggedRun();
  for (const event of events) logged.add(event);
  return { events, skipped, logged };
}

const plain = ({ iterations, values }: LossRecord) => ({ iterations: [...iterations], values: [...values] });

function readBytes(bytes: Uint8Array, cuts: readonly number[] = []) {
  const skipped: SkippedLine[] = [];
  const reader = new EventLogReader((line) => skipped.push(line));
  const places = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
  const events = places
    .slice(1)
    .flatMap((end, index) => [...reader.read(bytes.subarray(places[index], end))]);
  events.push(...reader.end());
  assert.equal(reader.skipped, skipped.length);
  return { events, skipped };
}

test('readEventLog rejects an unknown option or a value of the wrong type, with its name', async () => {
  const path = join(logs, 'harbour.log.jsonl');
  const cases: readonly (readonly [unknown, unknown, string])[] = [
    [5, undefined, 'path: got the number 5, expected the path of a log'],
    [undefined, undefined, 'path: got undefined, expected the path of a log'],
    [path, 'follow', 'input: got one text, expected an object with options'],
    [path, { folow: true }, 'folow: there is no such option'],
    [path, { follow: 1 }, 'follow: got the number 1, expected true or false'],
    [path, { interval: -1 }, 'interval: got the number -1, expected a number from 0 to 2147483647'],
    [
      path,
      { interval: 2 ** 31 },
      'interval: got the number 2147483648, expected a number from 0 to 2147483647',
    ],
    [path, { signal: {} }, 'signal: got an object, expected an AbortSignal'],
    [path, { onSkipped: [] }, 'onSkipped: got an array, expected a function'],
  ];
  for (const [where, input, message] of cases) {
    const events = readEventLog(where as string, input as ReadEventLogInput);
    await assert.rejects(events.next(), { name: 'OptionError', message });
  }
});

test('a log of 7f30f74, with a truncated line, a resume from an earlier checkpoint, and an explosion', async () => {
  const { events, skipped, logged } = await read(join(logs, 'harbour.log.jsonl'));
  const { runId: _, ...losses } = JSON.parse(readFileSync(join(logs, 'harbour.losses.json'), 'utf8'));
  assert.deepEqual(skipped, [{ line: 26, problem: 'not-json' }]);
  assert.deepEqual(
    { trainLosses: plain(logged.trainLosses), validationLosses: plain(logged.validationLosses) },
    losses,
  );
  assert.deepEqual([logged.started?.formatVersion, logged.started?.runId], [1, undefined]);
  assert.equal(logged.finished?.reason, 'iterations');
  assert.equal(events.filter(({ type }) => type === 'iteration').length, 19);
});

test('a log has the events that the caller saw, and the losses of the last checkpoint, also after resumes and explosions', async (context) => {
  const checkpointDir = temporaryFolder(context);
  const path = join(checkpointDir, 'lstm.log.jsonl');
  const seen = await run({ ...small, checkpointDir, maxIterations: 10 });
  const before = await read(path);
  assert.deepEqual(
    before.events.map(({ time: _, ...event }) => event),
    seen.map((event) => JSON.parse(JSON.stringify({ ...event, checkpoint: undefined }))),
  );
  assert.deepEqual(before.skipped, []);
  // Resumes from an earlier checkpoint, as after a kill, with a learning rate that makes the loss explode and not finite.
  const four = readdirSync(checkpointDir).find((name) => /^lm_lstm_epoch0\.12_\d/.test(name)) ?? '';
  const second = await run({ text, resume: join(checkpointDir, four), learningRate: 3, maxIterations: 14 });
  assert.ok(second.some(({ type }) => type === 'restored'));
  const last = second.at(-1);
  assert.ok(last?.type === 'finished' && last.checkpoint.training);
  const { logged } = await read(path);
  assert.deepEqual(logged.trainLosses, last.checkpoint.training.trainLosses);
  assert.deepEqual(logged.validationLosses, last.checkpoint.training.validationLosses);
  assert.equal(logged.started?.runId, last.checkpoint.training.runId);
  // An explosion that ends the run; then the run is resumed from before it.
  await assert.rejects(
    run({ text, resume: checkpointDir, learningRate: 1e3, retries: 0, maxIterations: 30 }),
  );
  const third = await run({ text, resume: checkpointDir, learningRate: 0.001, maxIterations: 16 });
  const end = third.at(-1);
  assert.ok(end?.type === 'finished' && end.checkpoint.training);
  const again = await read(path);
  assert.deepEqual(again.logged.trainLosses, end.checkpoint.training.trainLosses);
  assert.deepEqual(again.logged.validationLosses, end.checkpoint.training.validationLosses);
});

test('a loss that is not finite is read as NaN, and is left out of the losses of the run', () => {
  const line = {
    time: 't',
    type: 'iteration',
    iteration: 1,
    iterations: 9,
    epoch: 0.1,
    trainLoss: Number.NaN,
  };
  const more = { learningRate: 1, gradientNorm: null, parameterNorm: 1, milliseconds: 1, tokens: 1 };
  const { events } = readBytes(Buffer.from(`${JSON.stringify({ ...line, ...more })}\n`));
  const [event] = events;
  assert.ok(event?.type === 'iteration' && Number.isNaN(event.trainLoss) && Number.isNaN(event.gradientNorm));
  const logged = new LoggedRun();
  logged.add(event);
  assert.equal(logged.trainLosses.values.length, 0);
});

test('the fields of skipped iterations are read by their names in earlier logs too', () => {
  const event = { time: 't', type: 'skipped', iteration: 3, cause: 'loss' };
  const lines = [
    { ...event, consecutive: 2, limit: 5 },
    { ...event, inARow: 2, borne: 5 },
    { ...event, inARow: 2 },
  ].map((line) => `${JSON.stringify(line)}\n`);
  const { events, skipped } = readBytes(Buffer.from(lines.join('')));
  const expected = { ...event, consecutive: 2, limit: 5 };
  assert.deepEqual(events, [expected, expected]);
  assert.deepEqual(skipped, [{ line: 3, problem: 'malformed' }]);
});

test('any cut of the bytes into blocks gives the same events, and a truncated log gives its first events', () => {
  const bytes = readFileSync(join(logs, 'harbour.log.jsonl'));
  const whole = readBytes(bytes);
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length), { maxLength: 8 }), (cuts) => {
      assert.deepEqual(readBytes(bytes, cuts), whole);
    }),
    { numRuns: 50 },
  );
  fc.assert(
    fc.property(fc.nat(bytes.length), (length) => {
      const { events, skipped } = readBytes(bytes.subarray(0, length));
      assert.deepEqual(events, whole.events.slice(0, events.length));
      assert.ok(skipped.length <= 2);
      const lines = bytes.subarray(0, length).toString('latin1').split('\n').length;
      assert.ok(events.length + skipped.length >= lines - 1);
    }),
    { numRuns: 100 },
  );
});

test('hostile lines are skipped and counted, and the lines after them are read', () => {
  const good = '{"time":"t","type":"evaluating","batch":1,"batches":2}';
  const problems: Record<string, SkippedLine['problem']> = {
    '{"time":"t","type":"evaluating","batch":1': 'not-json',
    '\u0000\u0000\u0000': 'not-json',
    '[]': 'malformed',
    null: 'malformed',
    '"evaluating"': 'malformed',
    '{"type":"evaluating","batch":1,"batches":2}': 'malformed',
    '{"time":"t","type":7}': 'malformed',
    '{"time":"t","type":"evaluating","batch":"1","batches":2}': 'malformed',
    '{"time":"t","type":"evaluating","batch":-1,"batches":2}': 'malformed',
    '{"time":"t","type":"evaluated","iteration":1,"epoch":1}': 'malformed',
    '{"time":"t","type":"renamed"}': 'unknown-type',
    '{"time":"t","type":"__proto__"}': 'unknown-type',
    '{"time":"t","type":"toString"}': 'unknown-type',
    [`${'['.repeat(50)}${']'.repeat(50)}`]: 'too-large',
    [`{"time":"t","type":"notice","message":"","remedies":[${Array(2000).fill('[]').join()}]}`]: 'too-large',
  };
  const lines = Object.keys(problems);
  const { events, skipped } = readBytes(Buffer.from(lines.map((line) => `${line}\n${good}\n`).join('\n')));
  assert.equal(events.length, lines.length);
  assert.deepEqual(
    skipped.map(({ problem }) => problem),
    Object.values(problems),
  );
  const invalid = Buffer.concat([
    Buffer.from('{"time":"t","type":"notice","message":"'),
    Buffer.of(0xff, 0x22, 0x7d),
  ]);
  assert.deepEqual(readBytes(invalid).skipped, [{ line: 1, problem: 'not-json' }]);
});

test('a line of 40 MB is skipped, and is not kept in memory', () => {
  const skipped: SkippedLine[] = [];
  const reader = new EventLogReader((line) => skipped.push(line));
  const block = Buffer.alloc(1e6, 0x61);
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 40; i++) assert.deepEqual([...reader.read(block)], []);
  assert.ok(process.memoryUsage().arrayBuffers - before < 30e6);
  const events = [...reader.read(Buffer.from('\n{"time":"t","type":"notice","message":"a"}\n'))];
  assert.deepEqual(events, [{ time: 't', type: 'notice', message: 'a' }]);
  assert.deepEqual(skipped, [{ line: 1, problem: 'too-large' }]);
});

test('a missing log, a folder and another file are named errors', async (context) => {
  const folder = temporaryFolder(context);
  const at = (name: string) => join(folder, name);
  writeFileSync(at('book.txt'), text);
  writeFileSync(at('empty'), '');
  await assert.rejects(read(at('none')), { name: 'LogError', code: 'log-missing' });
  await assert.rejects(read(folder), { code: 'log-unreadable' });
  await assert.rejects(read(at('book.txt')), { code: 'log-malformed' });
  assert.deepEqual((await read(at('empty'))).events, []);
});

test('following a log that is created later, written in parts, deleted and rewritten, and replaced by that of another run', {
  timeout: 30_000,
}, async (context) => {
  const folder = join(temporaryFolder(context), 'cv');
  const path = join(folder, 'a.log.jsonl');
  const line = (message: string) => `${JSON.stringify({ time: 't', type: 'notice', message })}\n`;
  const stop = new AbortController();
  const follow = readEventLog(path, { follow: true, interval: 1, signal: stop.signal });
  /** The message of the next event, after a change to the file. */
  const next = async (change: () => void) => {
    const step = follow.next();
    await new Promise((resolve) => setTimeout(resolve, 5));
    change();
    const { value } = await step;
    return value?.type === 'notice' && value.message;
  };
  const replace = (content: string) => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${path}.tmp`, content);
    renameSync(`${path}.tmp`, path);
  };
  assert.equal(await next(() => replace(line('one'))), 'one');
  const two = line('two');
  const inParts = () => {
    appendFileSync(path, two.slice(0, 9));
    setTimeout(() => appendFileSync(path, two.slice(9)), 5);
  };
  assert.equal(await next(inParts), 'two');
  rmSync(folder, { recursive: true });
  assert.equal(await next(() => replace(line('one') + two + line('three'))), 'three');
  assert.equal(await next(() => replace(line('of another run') + line('and more'))), 'of another run');
  assert.equal(await next(() => {}), 'and more');
  const rest = follow.next();
  stop.abort();
  assert.deepEqual(await rest, { value: undefined, done: true });
});
