import assert from 'node:assert/strict';
import { test } from 'node:test';
import { optionFacts } from '../src/index.ts';
import { generateOptionsSchema } from '../src/sample/options.ts';
import { trainingOptionsSchema } from '../src/train/options.ts';

test('every option of both schemas has facts', () => {
  const names = (of: 'training' | 'sampling') => optionFacts(of).map(({ name }) => name);
  assert.deepEqual(names('training'), Object.keys(trainingOptionsSchema.shape));
  assert.deepEqual(names('sampling'), Object.keys(generateOptionsSchema.shape));
});

test('facts of a number, a choice and a switch', () => {
  const find = (of: 'training' | 'sampling', wanted: string) =>
    optionFacts(of).find(({ name }) => name === wanted);
  const temperature = find('sampling', 'temperature');
  assert.equal(temperature?.flag, '--temperature');
  assert.equal(temperature?.kind, 'number');
  assert.equal(temperature?.defaultValue, 1);
  assert.equal(temperature?.expected, 'a number of at least 0');
  assert.deepEqual(find('training', 'cell')?.choices, ['lstm', 'gru', 'rnn']);
  assert.equal(find('training', 'randomOffset')?.kind, 'boolean');
  assert.deepEqual([find('sampling', 'stop')?.escapes, find('sampling', 'match')?.escapes], [true, false]);
});
