/** The fields of requests that set sampling filters. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { OptionError } from '../../src/errors.ts';
import { parseCompletionRequest } from '../../src/server/openai/completion-request.ts';
import { controlFields } from '../../src/server/openai/control-fields.ts';
import { fieldNameOf } from '../../src/server/openai/field-names.ts';
import { apiErrorOf } from '../../src/server/openai/request-errors.ts';
import { checkServerOptions } from '../../src/server/options.ts';

const options = checkServerOptions({});
const controlsOf = (body: object) => parseCompletionRequest({ prompt: 'x', ...body }, options).controls;

test('each control field has a line in docs/server.md', () => {
  const names = Object.keys(controlFields);
  assert.deepEqual([...names].sort(), [
    ...['frequency_penalty', 'min_p', 'presence_penalty', 'repetition_penalty'],
    ...['temperature', 'top_k', 'top_p', 'typical_p'],
  ]);
  const page = readFileSync(new URL('../../docs/server.md', import.meta.url), 'utf8');
  for (const name of names) assert.match(page, new RegExp(`^\\|.*\`${name}\``, 'm'));
});

test('each control field sets its option; a missing one or null leaves the default', () => {
  const asked = controlsOf({ temperature: 0.5, top_k: 7, min_p: 0.1, repetition_penalty: 2, top_p: null });
  const { temperature, topK, topP, minP, repetitionPenalty, typicalP, penaltyWindow } = asked;
  assert.deepEqual(
    { temperature, topK, topP, minP, repetitionPenalty, typicalP, penaltyWindow },
    { temperature: 0.5, topK: 7, topP: 1, minP: 0.1, repetitionPenalty: 2, typicalP: 1, penaltyWindow: 0 },
  );
  assert.equal(controlsOf({ top_k: -1 }).topK, 0);
  assert.equal(controlsOf({ top_p: 0 }).topP, Number.MIN_VALUE);
});

test('an error about a value out of range names the field and its range', () => {
  const cases: [object, string][] = [
    [{ temperature: 3 }, 'temperature: got 3, expected a number from 0 to 2.'],
    [{ presence_penalty: -3 }, 'presence_penalty: got -3, expected a number from -2 to 2.'],
    [{ min_p: 2 }, 'min_p: got 2, expected a number from 0 to 1.'],
    [{ typical_p: 0 }, 'typical_p: got 0, expected a number greater than 0 and of at most 1.'],
    [
      { repetition_penalty: 0 },
      'repetition_penalty: got 0, expected a number greater than 0 and of at most 1000.',
    ],
  ];
  for (const [body, message] of cases) assert.throws(() => controlsOf(body), { message });
});

test('an error of the library names the field of its option', () => {
  assert.deepEqual(['length', 'bias', 'topK', 'typicalP', 'stop'].map(fieldNameOf), [
    ...['max_tokens', 'logit_bias', 'top_k', 'typical_p', 'stop'],
  ]);
  assert.equal(fieldNameOf('mirostat'), undefined);
  assert.equal(apiErrorOf(new OptionError('minP', 'no')).message, 'min_p: no');
});
