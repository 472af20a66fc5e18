/** The option `hold`: units that keep a value while a text is written. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HeldUnit } from '../../src/engine/engine.ts';
import { ReferenceEngine } from '../../src/engine/reference/reference-engine.ts';
import { LanguageModel } from '../../src/language-model.ts';
import { layoutOf } from '../../src/model/config.ts';
import { resolveHold } from '../../src/sample/hold.ts';
import { madeCheckpoint } from '../checkpoint/made-checkpoint.ts';

const checkpoint = madeCheckpoint({ cell: 'lstm', layers: 2, hiddenSize: 20 });
const HOLD = [
  { layer: 2, unit: 20, value: 3 },
  { layer: 1, unit: 7, part: 'c', value: -4 },
] as const;
const TEXT = '2.20=3, 1.7.c=-4';
const PROMPT = 'a\u00e9';
const GREEDY = { prompt: PROMPT, length: 40, temperature: 0 };

async function joined(pieces: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const piece of pieces) text += piece;
  return text;
}

/** The greedy text: the prompt is read freely, then the units are held. */
async function greedyText(hold: readonly HeldUnit[]): Promise<string> {
  const engine = new ReferenceEngine('float64');
  const layout = layoutOf(checkpoint.config);
  const weights = engine.vector(layout);
  engine.write(weights, checkpoint.parameters);
  const { vocabulary, config } = checkpoint;
  const states = [1, 2].map(() => engine.tensor('float', [2, 1, config.hiddenSize]));
  const output = engine.tensor('float', [1, vocabulary.size]);
  const call = { weights, states, slots: Int32Array.of(0), output };
  for (const symbol of PROMPT)
    engine.step({ ...call, tokens: Int32Array.of(vocabulary.tokenOf(symbol) as number) });
  let text = '';
  for (let i = 0; i < GREEDY.length; i++) {
    const row = Array.from((await engine.read(output)) as Float64Array, (log, token) =>
      token === vocabulary.unknownToken ? Number.NEGATIVE_INFINITY : log,
    );
    const token = row.indexOf(Math.max(...row));
    text += vocabulary.symbolOf(token);
    engine.step({ ...call, tokens: Int32Array.of(token), hold });
  }
  return text;
}

test('units are held while a text is written, on every path', async () => {
  const model = new LanguageModel(checkpoint, { precision: 'float64' });
  const expected = await greedyText(resolveHold(checkpoint.config, TEXT) ?? []);
  assert.notEqual(expected, await greedyText([]));
  assert.equal(expected[0], (await greedyText([]))[0], 'the prompt is read freely');
  const input = { ...GREEDY, hold: HOLD.map((unit) => ({ ...unit })) };
  assert.equal(await joined(model.generate(input)), expected);
  assert.equal(await joined(model.generate({ ...input, hold: TEXT })), expected);
  assert.equal(await joined(model.generate({ ...input, hold: TEXT.split(', ') })), expected);
  const { prompt: _prompt, ...rest } = input;
  assert.deepEqual(await model.generateAll({ ...rest, prompts: [PROMPT, PROMPT] }), [expected, expected]);
  for await (const { text } of model.samples(input)) assert.equal(text, expected);
  assert.equal(await joined(model.generate({ ...input, temperature: 1, beam: 1 })), expected);
  const stream = model.stream({ temperature: 0, hold: TEXT });
  await stream.feed(PROMPT);
  let streamed = '';
  for (let i = 0; i < GREEDY.length; i++) streamed += await stream.next();
  stream.close();
  assert.equal(streamed, expected);
  await model.close();
});

test('the details of a text have the predictions with the units held', async () => {
  const model = new LanguageModel(checkpoint, { precision: 'float64' });
  const input = { ...GREEDY, hold: TEXT, alternatives: 2 };
  const details = async (more: object) => {
    const all = [];
    for await (const piece of model.generatePieces({ ...input, ...more })) all.push(...piece.details);
    return all.map(({ text, logProbability, alternatives }) => ({ text, logProbability, alternatives }));
  };
  const drawn = await details({});
  assert.equal(
    drawn.map(({ text }) => text).join(''),
    await joined(model.generate({ ...GREEDY, hold: TEXT })),
  );
  assert.deepEqual(await details({ temperature: 1, beam: 1 }), drawn);
  await model.close();
});

test('texts that are written together do not share the units that are held', async () => {
  const model = new LanguageModel(checkpoint);
  const inputs = [
    {},
    { hold: '2.20=3' },
    { hold: '2.20=-3' },
    { hold: '1.7.c=-4', alternatives: 1 },
    { hold: '2.20=3' },
  ];
  const write = async (more: object) => {
    let text = '';
    for await (const { bytes } of model.generatePieces({ prompt: PROMPT, length: 200, seed: 3, ...more }))
      text += new TextDecoder().decode(bytes);
    return text;
  };
  const alone: string[] = [];
  for (const input of inputs) alone.push(await write(input));
  assert.equal(new Set(alone).size, 4);
  assert.deepEqual(await Promise.all(inputs.map(write)), alone);
  await model.close();
});

test('units that the model does not have, and values out of range, are errors that name the ranges', async () => {
  const { config } = checkpoint;
  const gru = { ...config, cell: 'gru' } as const;
  const expected = 'expected one from 1.1 to 2.20';
  for (const [hold, message] of [
    ['3.1=0.5', `got unit 3.1, ${expected}`],
    ['0.1=0.5', `got unit 0.1, ${expected}`],
    ['2.21=0.5', `got unit 2.21, ${expected}`],
    [[{ layer: 1.5, unit: 2, value: 0 }], `got unit 1.5.2, ${expected}`],
    ['2.1.o=0.5', 'got o of unit 2.1, expected h or c, the parts of the lstm state'],
    ['2.1=1001', 'got 1001 for unit 2.1, expected a number from -1000 to 1000'],
    ['2.1=1,2.1.h=0', 'h of unit 2.1 is held twice'],
    ['2.1', 'got "2.1", expected LAYER.UNIT=VALUE, such as 2.108=0.9, or LAYER.UNIT.c=VALUE'],
    ['2.1=high', 'got "2.1=high", expected LAYER.UNIT=VALUE, such as 2.108=0.9, or LAYER.UNIT.c=VALUE'],
    ['2.1=1=2', 'got "2.1=1=2", expected LAYER.UNIT=VALUE, such as 2.108=0.9, or LAYER.UNIT.c=VALUE'],
  ] as const)
    assert.throws(() => resolveHold(config, typeof hold === 'string' ? hold : [...hold]), {
      name: 'OptionError',
      message: `hold: ${message}`,
    });
  assert.throws(() => resolveHold(gru, '2.1.c=1'), {
    message: 'hold: got c of unit 2.1, expected h, the parts of the gru state',
  });
  for (const nothing of ['', [], ['']]) assert.equal(resolveHold(config, nothing), undefined);
  const model = new LanguageModel(checkpoint);
  await assert.rejects(joined(model.generate({ hold: '9.1=0' })), { name: 'OptionError' });
  await assert.rejects(
    joined(model.generate({ hold: [{ layer: 1, unit: 1, part: 'o' as 'h', value: 0 }] })),
    {
      message: /^hold: got \[\{"layer":1,"unit":1,"part":"o","value":0\}\], expected units with a value each/,
    },
  );
  await model.close();
});
