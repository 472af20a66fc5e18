/** Mistakes in the definition of a sweep: one sentence each, before anything starts. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { triedParameters } from '../../src/cli/arguments/try-flag.ts';
import { checkDefinition, type GivenDefinition, withParameters } from '../../src/sweep/definition.ts';
import { readDefinitionFile } from '../../src/sweep/definition-file.node.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const of = (parameters: unknown, more: object = {}) => {
  const { space, options, method, trials, rungs, eta, seed } = checkDefinition(
    { parameters: parameters as GivenDefinition['parameters'], ...more },
    'x: ',
  );
  return { space, options, method, trials, rungs, eta, seed };
};

test('names of options and of flags, with dashes or without; one value is for all trials', () => {
  const { space, options, method, trials, rungs } = of({
    'rnn-size': { values: [64, 128] },
    lr: { min: 1e-4, max: 2e-2, distribution: 'log_uniform_values' },
    layers: { min: 1, max: 3 },
    dropout: { value: 0.1 },
    maxEpochs: { values: [2] },
  });
  assert.deepEqual(space, {
    hiddenSize: { values: [64, 128] },
    learningRate: { min: 1e-4, max: 2e-2, log: true, integer: false },
    layers: { min: 1, max: 3, log: false, integer: true },
  });
  assert.deepEqual(options, { dropout: 0.1, maxEpochs: 2 });
  assert.deepEqual([method, trials, rungs], ['random', 20, 3]);
});

test('lists alone make a grid of all combinations, without halving', () => {
  const lists = { rnn_size: { values: [8, 16] }, num_layers: { values: [1, 2, 3] } };
  const { method, trials, rungs } = of(lists);
  assert.deepEqual([method, trials, rungs], ['grid', 6, 1]);
  assert.deepEqual(of(lists, { trials: 4 }).method, 'random');
});

const size = { rnn_size: { values: [8, 16] } };
for (const [parameters, message, more] of [
  [{ rnn_sise: { values: [1, 2] } }, /^x: there is no training option "rnn_sise"\. Did you mean rnn_size\?$/],
  [{ rnn_size: { values: [0, 8] } }, /^x: rnn_size: got 0, expected a whole number of at least 1$/],
  [{ rnn_size: { values: ['big', 8] } }, /^x: rnn_size: got "big", expected a whole number/],
  [{ rnn_size: { values: [8, 8] } }, /^x: rnn_size: 8 is in the list twice$/],
  [{ rnn_size: { values: [] } }, /^x: rnn_size: got \[\], expected a list of values$/],
  [{ rnn_size: [8, 16] }, /^x: rnn_size: got \[8,16\], expected values: \[\.\.\.\], or min and max$/],
  [{ rnn_size: { valeus: [8] } }, /^x: rnn_size: there is no "valeus"\. Did you mean value\w?\?$/],
  [{ rnn_size: { values: [8, 16], min: 2, max: 4 } }, /^x: rnn_size: give either a value, or values, or/],
  [
    { ...size, dropout: { min: 0.5, max: 0.1 } },
    /^x: dropout: min must be less than max, got 0\.5 and 0\.1$/,
  ],
  [{ dropout: { min: 0, max: 1 } }, /^x: dropout: got 1, expected a number .* less than 1$/],
  [{ dropout: { min: 0 } }, /^x: dropout: a range needs two numbers, min and max$/],
  [{ model: { min: 1, max: 2 } }, /^x: model: it is not a number: give values$/],
  [
    { lr: { min: 1e-4, max: 1, distribution: 'log_uniform' } },
    /^x: lr: there is no distribution "log_uniform"/,
  ],
  [
    { lr: { values: [1, 2], distribution: 'uniform' } },
    /^x: lr: the distribution uniform needs min and max$/,
  ],
  [
    { lr: { min: 1e-4, max: 1, distribution: 'categorical' } },
    /^x: lr: the distribution categorical needs values$/,
  ],
  [
    { dropout: { min: 0, max: 0.5, distribution: 'log_uniform_values' } },
    /^x: dropout: a logarithmic range begins above 0, not at 0$/,
  ],
  [{ dropout: { min: 0, max: 0.5, distribution: 'int_uniform' } }, /^x: dropout: int_uniform needs whole/],
  [
    { max_epochs: { values: [1, 2] } },
    /^x: max_epochs must have one value: it is the length of all trials\.$/,
  ],
  [{ val_frac: { values: [0.1, 0.2] } }, /^x: val_frac must have one value: only options of the model/],
  [{ preset: { values: ['small'] } }, /^x: preset can't be set in a sweep: a preset chooses/],
  [{ dropout: { values: [0.1] } }, /^x: there is nothing to search: give at least one parameter several/],
  [
    { lr: { values: [1, 2] }, 'learning-rate': { values: [1, 2] } },
    /^x: lr and learning-rate are names of the same option: give it only once\.$/,
  ],
  [
    size,
    /^x: lr and learning_rate are names of the same option: give it only once\.$/,
    { options: { lr: 0.002, learning_rate: 0.001 } },
  ],
  [size, /^x: there are only 2 combinations of these values, not 5\.$/, { trials: 5 }],
  [size, /^x: trials: got 0, expected a whole number from 1 to /, { trials: 0 }],
  [size, /^x: rungs: got 1\.5, expected a whole number/, { rungs: 1.5 }],
  [size, /^x: eta: got 1, expected a whole number from 2/, { eta: 1 }],
  [size, /^x: method: got "bayes", expected grid or random$/, { method: 'bayes' }],
  [
    { dropout: { min: 0, max: 0.5 } },
    /^x: a grid needs lists of values, and dropout is a range\./,
    { method: 'grid' },
  ],
  [
    size,
    /^x: rnn_size is a fixed option, and also a parameter: give it only once\.$/,
    { options: { rnn_size: 8 } },
  ],
  [
    size,
    /^x: hiddenSize is a fixed option, and also a parameter rnn_size, which is the same option: give it only once\.$/,
    { options: { hiddenSize: 8 } },
  ],
  [
    { ...size, dropout: { value: 0.2 } },
    /^x: dropout is a fixed option, and also a parameter: give/,
    { options: { dropout: 0.5 } },
  ],
  [size, /^x: num_layers: got 0, expected/, { options: { num_layers: 0 } }],
  [undefined, /^x: expected parameters by name, got undefined$/],
] as const) {
  test(`a mistake is named: ${message.source}`, () => {
    assert.throws(() => of(parameters, more), { name: 'UsageError', message });
  });
}

test('the flag --try has lists and ranges', () => {
  assert.deepEqual(
    triedParameters([
      'rnn-size=64,128',
      'lr=1e-4..2e-2:log',
      'dropout=0..0.5',
      'model=gru',
      '--fast=true,false',
    ]),
    {
      'rnn-size': { values: [64, 128] },
      lr: { min: 1e-4, max: 2e-2, distribution: 'log_uniform_values' },
      dropout: { min: 0, max: 0.5 },
      model: { values: ['gru'] },
      fast: { values: [true, false] },
    },
  );
  for (const [word, message] of [
    ['rnn-size', /^--try: got "rnn-size", expected NAME=A,B,C or NAME=MIN\.\.MAX/],
    ['lr=1..', /^--try lr: got the range 1\.\., expected two numbers/],
    ['lr=1..2:exp', /^--try lr: got :exp after the range, expected :log or nothing$/],
  ] as const)
    assert.throws(() => triedParameters([word]), { name: 'UsageError', message });
  assert.throws(() => triedParameters(['fast=true', '--fast=false']), {
    name: 'UsageError',
    message: '--try: fast is given twice',
  });
});

test('parameters of the flag --try replace those of a file, whatever their names', () => {
  const file = {
    parameters: { 'learning-rate': { values: [1, 2] }, dropout: { values: [0, 0.2] }, oops: {} },
    options: { rnn_size: 8, maxEpochs: 3 },
  };
  const tried = triedParameters(['lr=1e-3,2e-3', 'hiddenSize=4', 'dropout=0.1,0.3']);
  assert.deepEqual(withParameters(file, tried, '--try: '), {
    parameters: {
      oops: {},
      lr: { values: [0.001, 0.002] },
      hiddenSize: { values: [4] },
      dropout: { values: [0.1, 0.3] },
    },
    options: { maxEpochs: 3 },
  });
  assert.deepEqual(withParameters(file, {}, '--try: '), file);
  // A mistake is that of the flag, not of the file.
  const wrong = triedParameters(['rnn-sise=4,8']);
  assert.throws(() => withParameters(file, wrong, '--try: '), {
    name: 'UsageError',
    message: '--try: there is no training option "rnn-sise". Did you mean rnn_size?',
  });
});

test('a file has the words of W&B; paths are relative to it', async (context) => {
  const folder = temporaryFolder(context);
  const path = join(folder, 'moby.yaml');
  const read = (text: string) => {
    writeFileSync(path, text);
    return readDefinitionFile(path);
  };
  const file = await read(`
version: 1
text: book.txt
method: random
schedule: {kind: halving, rungs: 4, eta: 2}
trials: 8
seed: 3
flags: {eval_val_every: 100}
parameters:
  rnn_size: {values: [64, 128]}
  learning_rate: {min: 1e-4, max: 2e-2, distribution: log_uniform_values}
`);
  assert.deepEqual([file.name, file.textFile], ['moby', [join(folder, 'book.txt')]]);
  const { space, options, rungs, eta, trials, seed } = checkDefinition(file.definition);
  assert.deepEqual([rungs, eta, trials, seed, options], [4, 2, 8, 3, { evaluateEvery: 100 }]);
  assert.deepEqual(space.learningRate, { min: 1e-4, max: 2e-2, log: true, integer: false });
  assert.equal((await read('schedule: none')).definition.rungs, 1);
  for (const [text, message] of [
    ['version: 2', /moby\.yaml: the file is of version 2; this program reads version 1\.$/],
    ['paramters: {}', /moby\.yaml: there is no key "paramters"\. Did you mean parameters\?$/],
    ['early_terminate: {type: hyperband}', /moby\.yaml: there is no key "early_terminate": use schedule\.$/],
    ['metric: {name: loss}', /no key "metric": a sweep always looks for the lowest validation loss\.$/],
    ['schedule: asha', /moby\.yaml: schedule: got "asha", expected none or halving$/],
    ['schedule: {kind: halving, rung: 3}', /schedule: there is no key "rung"\. Did you mean rungs\?$/],
    ['- a list', /moby\.yaml: got an array, expected the keys of a sweep/],
    ['a: [', /moby\.yaml: this is not valid YAML: /],
    ['parameters: 5', /moby\.yaml: parameters: got the number 5, expected training flags by name$/],
    ['flags: [max_epochs]', /moby\.yaml: flags: got an array, expected training flags by name$/],
    ['text: 5', /moby\.yaml: text: expected the path of a text, or a list of paths$/],
  ] as const)
    await assert.rejects(read(text), { name: 'UsageError', message });
  await assert.rejects(
    readDefinitionFile(join(folder, 'no.yaml')),
    /no\.yaml can't be read: there is no such file/,
  );
});
