/** A text stream, which reads and writes in turns, gives the same text as `generate`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { LanguageModel } from '../../src/language-model.node.ts';
import { madeCheckpoint } from '../checkpoint/made-checkpoint.ts';
import { madeModel } from '../server/test-server.ts';

const { checkpoint } = madeModel();

async function take(stream: { next(): Promise<string> }, count: number): Promise<string> {
  let text = '';
  for (let i = 0; i < count; i++) text += await stream.next();
  return text;
}

for (const engine of ['wasm', 'reference'] as const) {
  test(`feed and next give the text that generate gives (${engine})`, async (context) => {
    const model = new LanguageModel(checkpoint, { engine, threads: 1 });
    context.after(() => model.close());
    const prompt = 'It was a dark and stormy night. '.repeat(40);
    const controls = { temperature: 0.8, topK: 20, presencePenalty: 0.4, mirostat: 3, seed: 5 };
    const [expected] = await model.generateAll({ ...controls, prompts: [prompt], length: 40 });
    const stream = model.stream(controls);
    for (let at = 0; at < prompt.length; at += 100) await stream.feed(prompt.slice(at, at + 100));
    assert.equal(await take(stream, 40), expected);
    stream.close();
  });
}

test('a stream without a prompt starts like generate, and continues what it wrote', async (context) => {
  const model = new LanguageModel(checkpoint, { threads: 1 });
  context.after(() => model.close());
  const stream = model.stream({ seed: 3 });
  const begun = await take(stream, 20);
  assert.equal(begun, (await model.generateAll({ prompts: [''], length: 20, seed: 3 }))[0]);
  await stream.feed('tale');
  const greedy = model.stream({ temperature: 0 });
  await greedy.feed(`${begun}tale`);
  const other = stream.fork({ seed: 3 });
  const branches = [stream.fork(), stream.fork()];
  const [one, two] = await Promise.all(branches.map((branch) => take(branch, 30)));
  assert.notEqual(one, two, 'without a seed each fork has its own');
  assert.throws(() => stream.fork({ seed: 'x' } as object), { option: 'seed' });
  assert.throws(() => stream.fork({ topK: 3 } as object), { option: 'topK' });
  const [own, forked] = [await take(stream, 12), await take(other, 12)];
  const again = model.stream({ seed: 3 });
  await again.feed(`${begun}tale`);
  assert.equal(forked, await take(again, 12), 'a fork draws with its own seed');
  assert.notEqual(own, forked);
  const next = (await model.generateAll({ prompts: [`${begun}tale`], length: 5, temperature: 0 }))[0];
  assert.equal(await take(greedy, 5), next);
});

test('calls that are not awaited keep their order; streams do not mix', async (context) => {
  const model = new LanguageModel(checkpoint, { threads: 1 });
  context.after(() => model.close());
  const streams = Array.from({ length: 5 }, (_, seed) => model.stream({ seed }));
  const texts = await Promise.all(
    streams.map(async (stream, k) => {
      const fed = stream.feed('ab'.repeat(k));
      const first = stream.next();
      const more = stream.feed('c');
      const second = stream.next();
      await Promise.all([fed, more]);
      return (await first) + (await second);
    }),
  );
  for (const [k, text] of texts.entries()) {
    const alone = model.stream({ seed: k });
    await alone.feed('ab'.repeat(k));
    const first = await alone.next();
    await alone.feed('c');
    assert.equal(text, first + (await alone.next()), `stream ${k}`);
  }
  let seen = 0;
  for await (const character of streams[0] as (typeof streams)[0]) {
    assert.equal([...character].length, 1);
    if (++seen === 3) break;
  }
  assert.equal((await take(streams[0] as (typeof streams)[0], 1)).length, 1, 'the loop leaves it open');
});

test('wrong calls of a stream are errors that say why', async () => {
  const model = new LanguageModel(checkpoint, { threads: 1 });
  assert.throws(() => model.stream({ topK: -1 }), { option: 'topK' });
  assert.throws(() => model.stream({ length: 5 } as object), { option: 'length' });
  const stream = model.stream({ unknown: 'error' });
  await assert.rejects(stream.feed('€'), { code: 'text-unknown-character' });
  await assert.rejects(stream.feed(7 as unknown as string), { option: 'text' });
  assert.equal((await stream.next()).length, 1, 'an error changes nothing');
  stream.close();
  stream.close();
  await assert.rejects(stream.next(), /this stream is closed/);
  const notices: string[] = [];
  const open = model.stream({ onNotice: (message) => notices.push(message), unknown: 'skip' });
  await open.feed('a€');
  await open.feed('b€');
  assert.equal(notices.length, 1);
  await model.close();
  await assert.rejects(open.next(), /this model is closed/);
  open.close();
});

test('a stream and its model can be closed while a long text is read', async (context) => {
  const large = madeCheckpoint({ hiddenSize: 100 });
  const model = new LanguageModel(large, { engine: 'reference' });
  context.after(() => model.close());
  // Takes minutes to read.
  const text = 'a'.repeat(1e6);
  const stream = model.stream();
  await stream.feed('a');
  const closed = assert.rejects(stream.feed(text), /this stream is closed/);
  setTimeout(() => stream.close(), 20);
  await closed;
  const other = model.stream();
  await other.feed('a');
  const lost = assert.rejects(other.feed(text), /this model is closed/);
  setTimeout(() => model.close(), 20);
  await lost;
});

test('the token for unknown characters is never written', async (context) => {
  const model = new LanguageModel(madeCheckpoint(), { threads: 1 });
  context.after(() => model.close());
  assert.ok(!(await take(model.stream(), 200)).includes('<unk>'));
});

test('a model over bytes writes whole characters', async (context) => {
  const made = madeModel().checkpoint;
  const symbols = Array.from({ length: made.vocabulary.size }, (_, byte) => String.fromCharCode(0xa0 + byte));
  const vocabulary = new Vocabulary({ kind: 'byte', normalize: 'none', symbols, hasUnknown: false });
  const model = new LanguageModel({ ...made, vocabulary }, { threads: 1 });
  context.after(() => model.close());
  const stream = model.stream({ seed: 2 });
  await stream.feed(Uint8Array.of(0xc3, 0xa4));
  const characters: string[] = [];
  for (let i = 0; i < 100; i++) characters.push(await stream.next());
  assert.ok(characters.every((text) => [...text].length === 1));
  assert.ok(characters.filter((text) => text !== '\ufffd').length > 5, 'some are UTF-8');
});

test('a fork has the characters that its stream has written and not returned', async (context) => {
  const symbols = ['a', 'b', '\xc3'];
  const vocabulary = new Vocabulary({ kind: 'byte', normalize: 'none', symbols, hasUnknown: false });
  const model = new LanguageModel(madeCheckpoint({ vocabulary }), { threads: 1 });
  context.after(() => model.close());
  const stream = model.stream({ seed: 4 });
  let compared = 0;
  for (let i = 0; i < 60; i++) {
    // An invalid byte shows when the byte after it has been written.
    if ((await stream.next()) !== '\ufffd') continue;
    const forks = Array.from({ length: 4 }, (_, seed) => stream.fork({ seed }));
    const next = await stream.next();
    for (const fork of forks) {
      assert.equal(await fork.next(), next);
      fork.close();
    }
    compared++;
  }
  assert.ok(compared > 5);
});
