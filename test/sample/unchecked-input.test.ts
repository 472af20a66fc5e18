/** Wrong calls from JavaScript, which has no types: each throws an OptionError that names the option, not an internal TypeError. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { LanguageModel } from '../../src/language-model.node.ts';
import { listen } from '../../src/server/http/listen.node.ts';
import { createServer } from '../../src/server/server.ts';
import { train } from '../../src/train/train.node.ts';
import { madeCheckpoint } from '../checkpoint/made-checkpoint.ts';

const checkpoint = madeCheckpoint({});
const model = new LanguageModel(checkpoint, { threads: 1 });
after(() => model.close());

/** Any value, as a program without types may pass it. */
type Loose = never;

async function all(pieces: AsyncIterable<unknown>): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const piece of pieces) found.push(piece);
  return found;
}

const CALLS: readonly [name: string, option: string, call: () => unknown][] = [
  ['one prompt for many', 'prompts', () => model.generateAll({ prompts: 'abc' as Loose })],
  ['no prompts', 'prompts', () => model.generateAll({} as Loose)],
  ['a number among the prompts', 'prompts', () => model.generateAll({ prompts: ['a', 5 as Loose] })],
  ['many prompts for one', 'prompt', () => all(model.generate({ prompt: ['a', 'b'] as Loose }))],
  ['several prompts for one text', 'prompts', () => all(model.generate({ prompts: ['a', 'b'] } as Loose))],
  ['a number for an input', 'input', () => all(model.generate(5 as Loose))],
  ['a number for a signal', 'signal', () => all(model.generatePieces({ signal: 5 as Loose }))],
  ['null for a prompt', 'prompt', () => all(model.generatePieces({ prompt: null as Loose }))],
  ['a list of texts to score', 'text', () => model.score(['a', 'b'] as Loose)],
  ['nothing to complete', 'text', () => model.complete(undefined as Loose)],
  ['no words to find', 'count', () => model.complete('a', { count: 0 })],
  ['an unknown rule', 'unknown', () => model.complete('a', { unknown: 'drop' as Loose })],
  ['half a sample', 'count', () => all(model.samples({ count: 2.5 }))],
  ['a negative number of samples', 'count', () => all(model.samples({ count: -1 }))],
  ['a switch that is a text', 'unique', () => all(model.samples({ unique: 'no' as Loose }))],
  ['a list of known texts', 'novel', () => all(model.samples({ novel: ['a'] as Loose }))],
  ['a list of training texts', 'text', () => all(train({ text: ['a', 'b'] as Loose }))],
  ['an unknown engine', 'engine', () => new LanguageModel(checkpoint, { engine: 'gpu' as Loose })],
  ['threads in words', 'threads', () => new LanguageModel(checkpoint, { threads: '2' as Loose })],
  ['an unknown option of models', 'onEngine', () => new LanguageModel(checkpoint, { onEngine: 1 } as Loose)],
  ['both prompt and prompts', 'prompt', () => model.generateAll({ prompt: 'a', prompts: ['b'] } as Loose)],
  [
    'alternatives in words',
    'alternatives',
    () => all(model.generatePieces({ alternatives: 'all' as Loose })),
  ],
  ['a port out of range', 'port', () => listen(createServer({}), { port: 65_536 })],
  ['an unknown option of listen', 'url', () => listen(createServer({}), { url: 'x' } as Loose)],
  ['an unknown format', 'format', () => model.toBytes('gguf' as Loose)],
  ['bytes instead of a path', 'path', () => LanguageModel.load(new Uint8Array(8) as Loose)],
];

for (const [name, option, call] of CALLS) {
  test(`${name}: an error that names ${option}`, async () => {
    await assert.rejects(async () => call(), { name: 'OptionError', option });
  });
}
