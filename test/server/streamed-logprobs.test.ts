/** A streamed response has the same log-probabilities as the whole one. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { type ModelFacts, madeModel, serveModel } from './test-server.ts';

const COMPLETIONS = '/v1/completions';

interface JoinedParts {
  readonly text: string;
  readonly tokens: readonly string[];
  readonly offsets: readonly number[];
}

interface Part {
  readonly text: string;
  readonly logprobs: { readonly tokens: string[]; readonly text_offset: number[] };
}

/** The parts of a choice, joined. */
function joined(choices: readonly Part[]): JoinedParts {
  return {
    text: choices.map(({ text }) => text).join(''),
    tokens: choices.flatMap(({ logprobs }) => logprobs.tokens),
    offsets: choices.flatMap(({ logprobs }) => logprobs.text_offset),
  };
}

const byteModel: ModelFacts = { kind: 'byte', symbols: ['\n', 'a', '\u0080', '\u009f', '\u00c3', '\u00f0'] };
const graphemeModel: ModelFacts = { kind: 'grapheme', symbols: ['\n', 'a', 'b', 'e\u0301', '👩‍👧'] };

// The first byte of a character gives no text yet. Its log-probability must not be lost with the empty text.
for (const [name, facts, request] of [
  ['bytes', byteModel, {}],
  ['bytes and a stop text', byteModel, { stop: ['\n', 'a\n'] }],
  ['bytes after an echoed prompt that ends within a character', byteModel, { prompt: [0, 4], echo: true }],
  ['characters and a stop text', {}, { stop: ['ab', 'c'] }],
  ['graphemes and a stop text', graphemeModel, { stop: ['b\n'] }],
] satisfies [string, ModelFacts, Record<string, unknown>][]) {
  test(`a stream has each token exactly once: ${name}`, async (context) => {
    const { ask, post } = await serveModel(context, {}, madeModel(facts));
    for (let seed = 0; seed < 12; seed++) {
      const given = { prompt: '', max_tokens: 30, seed, logprobs: 1, ...request };
      const whole = joined((await ask(COMPLETIONS, given)).choices);
      const events = await (await post(COMPLETIONS, { ...given, stream: true })).text();
      const parts = [...events.matchAll(/^data: (\{.*\})$/gm)].map(([, json]) => JSON.parse(json as string));
      assert.deepEqual(joined(parts.flatMap(({ choices }) => choices)), whole, `seed ${seed}`);
    }
  });
}
