/** Event files, read by a decoder in this test and, if it is installed, by TensorBoard. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type TrainInput, type TrainingEvent, train } from '../../src/index.ts';
import { crc32c } from '../../src/util/crc.ts';
import { python } from '../formats/python.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const text = 'the harbour wall stood in the rain. '.repeat(40);
const small = { text, hiddenSize: 8, layers: 1, batchSize: 2, sequenceLength: 10, evaluateEvery: 5 };

async function run(input: TrainInput): Promise<TrainingEvent[]> {
  const all: TrainingEvent[] = [];
  for await (const event of train(input)) all.push(event);
  return all;
}

/** CRC-32C, computed bit by bit. */
function slowChecksum(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0x82f63b78 : 0);
  }
  return ~value >>> 0;
}

test('CRC-32C gives the published check value, and agrees with a naive implementation', () => {
  assert.equal(crc32c(new TextEncoder().encode('123456789')), 0xe3069283);
  const bytes = Uint8Array.from({ length: 1000 }, (_, index) => (index * 37) ^ (index >> 3));
  assert.equal(crc32c(bytes), slowChecksum(bytes));
});

/** The fields of a message by number: numbers for varints and floats, bytes for the rest. */
function fields(message: Buffer): Map<number, (number | Buffer)[]> {
  const all = new Map<number, (number | Buffer)[]>();
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message.readUInt8(at++);
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const take = (length: number) => {
    at += length;
    assert.ok(at <= message.length, 'a field ends after its message');
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const key = varint();
    const read = {
      0: varint,
      1: () => take(8).readDoubleLE(),
      2: () => take(varint()),
      5: () => take(4).readFloatLE(),
    }[key & 7];
    assert.ok(read, `wire type ${key & 7}`);
    const values = all.get(key >> 3) ?? [];
    values.push(read());
    all.set(key >> 3, values);
  }
  return all;
}

const bytesOf = (value: unknown): Buffer => {
  assert.ok(Buffer.isBuffer(value));
  return value;
};

interface Read {
  readonly time: unknown;
  readonly step: unknown;
  readonly version: string | undefined;
  readonly sessionStatus: unknown;
  /** By tag: a number, or a text with the name of its plug-in. */
  readonly values: Map<string, unknown>;
}

function readEvents(path: string): Read[] {
  const file = readFileSync(path);
  const masked = (bytes: Uint8Array) => {
    const checksum = slowChecksum(bytes);
    return (((checksum >>> 15) | (checksum << 17)) + 0xa282ead8) >>> 0;
  };
  const events: Read[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    assert.equal(file.readUInt32LE(at + 8), masked(file.subarray(at, at + 8)));
    const data = file.subarray(at + 12, at + 12 + length);
    assert.equal(file.readUInt32LE(at + 12 + length), masked(data));
    at += 16 + length;
    const event = fields(data);
    const values = new Map<string, unknown>();
    for (const summary of event.get(5) ?? []) {
      for (const one of fields(bytesOf(summary)).get(1) ?? []) {
        const value = fields(bytesOf(one));
        values.set(bytesOf(value.get(1)?.[0]).toString(), value.get(2)?.[0] ?? textOf(value));
      }
    }
    const session = event.get(7)?.[0];
    const version = event.get(3)?.[0];
    events.push({
      time: event.get(1)?.[0],
      step: event.get(2)?.[0],
      version: version === undefined ? undefined : bytesOf(version).toString(),
      sessionStatus: session && fields(bytesOf(session)).get(1)?.[0],
      values,
    });
  }
  return events;
}

function textOf(value: ReturnType<typeof fields>) {
  const tensor = fields(bytesOf(value.get(8)?.[0]));
  const metadata = fields(bytesOf(value.get(9)?.[0]));
  const plugin = fields(bytesOf(metadata.get(1)?.[0]));
  const dimensions = fields(bytesOf(tensor.get(2)?.[0])).get(2) ?? [];
  return {
    plugin: bytesOf(plugin.get(1)?.[0]).toString(),
    type: tensor.get(1)?.[0],
    shape: dimensions.map((dimension) => fields(bytesOf(dimension)).get(1)?.[0]),
    text: bytesOf(tensor.get(8)?.[0]).toString(),
  };
}

const filesIn = (folder: string) =>
  readdirSync(folder)
    .sort()
    .map((name) => join(folder, name));

test('a file has scalars of every iteration, validation losses and samples, after a record that drops later data of other files', async (context) => {
  const folder = temporaryFolder(context);
  const input = { ...small, saveName: 'mine', maxIterations: 12 };
  const all = await run({ ...input, tensorboardDir: join(folder, 'board') });
  const [path = '', ...more] = filesIn(join(folder, 'board', 'mine'));
  assert.deepEqual(more, []);
  assert.match(path, /events\.out\.tfevents\.\d{10}\.[^/]+$/);
  const [version, start, ...events] = readEvents(path);
  assert.equal(version?.version, 'brain.Event:2');
  assert.deepEqual([start?.sessionStatus, start?.step], [1, 1]);
  assert.ok(events.every(({ time }) => Math.abs(Number(time) - Date.now() / 1000) < 60));
  const losses = events.filter(({ values }) => values.has('loss/train'));
  assert.deepEqual(
    losses.map(({ step, values }) => [step, values.get('loss/train'), values.get('training/learning_rate')]),
    all.flatMap((event) =>
      event.type === 'iteration'
        ? [[event.iteration, Math.fround(event.trainLoss), Math.fround(event.learningRate)]]
        : [],
    ),
  );
  assert.equal(losses.length, 12);
  assert.deepEqual(
    events.flatMap(({ step, values }) => (values.has('loss/validation') ? [step] : [])),
    [5, 10],
  );
  const [sample] = events.flatMap(({ values }) => values.get('sample') ?? []);
  const drawn = all.find((event) => event.type === 'sampled');
  assert.deepEqual(sample, {
    plugin: 'text',
    type: 7,
    shape: [1],
    text: `    ${drawn?.text.replaceAll('\n', '\n    ')}`,
  });
});

test('a resumed run writes a new file, which starts at its iteration; a run that trains nothing writes none', async (context) => {
  const folder = temporaryFolder(context);
  const tensorboardDir = join(folder, 'board');
  const checkpointDir = join(folder, 'cv');
  await run({ ...small, checkpointDir, maxIterations: 7 });
  assert.ok(!existsSync(tensorboardDir));
  await run({ text, resume: checkpointDir, maxIterations: 9, tensorboardDir });
  const [path = ''] = filesIn(join(tensorboardDir, 'lstm'));
  const events = readEvents(path);
  assert.deepEqual([events[1]?.sessionStatus, events[1]?.step, events[2]?.step], [1, 8, 8]);
  await run({ text, resume: checkpointDir, tensorboardDir: join(folder, 'none') });
  assert.ok(!existsSync(join(folder, 'none')));
});

test('a run that goes back writes a record from which data start again', async (context) => {
  const folder = temporaryFolder(context);
  await run({ ...small, maxIterations: 10, learningRate: 1, retries: 9, tensorboardDir: folder });
  const [path = ''] = filesIn(join(folder, 'lstm'));
  const starts = readEvents(path).filter(({ sessionStatus }) => sessionStatus === 1);
  assert.ok(starts.length > 1, `${starts.length}`);
  assert.ok(starts.every(({ step }) => step === 1));
});

test('if the folder can not be written, there is one warning, and training goes on', async (context) => {
  const folder = temporaryFolder(context);
  writeFileSync(join(folder, 'lstm'), 'in the way');
  const all = await run({ ...small, maxIterations: 3, tensorboardDir: folder });
  const warnings = all.filter((event) => event.type === 'warning' && event.code === 'tensorboard-unwritable');
  assert.equal(warnings.length, 1);
  assert.equal(all.at(-1)?.type, 'finished');
});

const SCRIPT = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1], size_guidance={'scalars': 0, 'tensors': 0})
events.Reload()
tensor = events.Tensors('sample')[-1].tensor_proto
print(json.dumps({
  'tags': sorted(events.Tags()['scalars']),
  'steps': [event.step for event in events.Scalars('loss/train')],
  'loss': events.Scalars('loss/train')[-1].value,
  'plugin': events.SummaryMetadata('sample').plugin_data.plugin_name,
  'sample': tensor.string_val[0].decode(),
}))`;

test('in TensorBoard, the steps of a resumed run replace those of the killed run', async (context) => {
  const interpreter = python(context, 'tensorboard');
  if (!interpreter) return;
  const folder = temporaryFolder(context);
  const tensorboardDir = join(folder, 'board');
  const checkpointDir = join(folder, 'cv');
  const options = { ...small, checkpointDir, tensorboardDir };
  // As after a kill, the file has three more iterations than the checkpoint.
  await run({ ...options, maxIterations: 8 });
  const five = readdirSync(checkpointDir).find((name) => /^lm_lstm_epoch0\.15_\d/.test(name)) ?? '';
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const all = await run({ text, resume: join(checkpointDir, five), maxIterations: 10, tensorboardDir });
  const { status, stdout, stderr } = spawnSync(interpreter, ['-c', SCRIPT, join(tensorboardDir, 'lstm')], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  const read = JSON.parse(stdout);
  assert.deepEqual(read.tags, [
    'loss/train',
    'loss/validation',
    'training/characters_per_second',
    'training/gradient_norm',
    'training/learning_rate',
    'training/parameter_norm',
  ]);
  assert.deepEqual(read.steps, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  const last = all.findLast((event) => event.type === 'iteration');
  assert.equal(read.loss, Math.fround(last?.trainLoss ?? 0));
  assert.equal(read.plugin, 'text');
  assert.match(read.sample, /^ {4}/);
});
