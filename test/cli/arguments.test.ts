import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseArguments } from '../../src/cli/arguments.ts';
import { trainCommand } from '../../src/cli/commands.ts';
import { suggest } from '../../src/cli/suggest.ts';

const parse = (...words: string[]) => parseArguments(words, trainCommand.flags);

test('one dash or two, _ or -, the next word or =', () => {
  for (const words of [
    ['-rnn_size', '256'],
    ['--rnn_size', '256'],
    ['--rnn-size', '256'],
    ['-rnn-size=256'],
    ['--rnn_size=256'],
  ]) {
    assert.deepEqual(parse(...words).values, { hiddenSize: 256 }, words.join(' '));
  }
});

test('a value may begin with a dash; the last of two counts; -- ends the flags', () => {
  assert.deepEqual(parse('-gpuid', '-1', '-seed', '1', '-seed', '2').values, { gpuid: -1, seed: 2 });
  assert.deepEqual(parse('a.txt', '-fit', '--', '-b').positionals, ['a.txt', '-b']);
  assert.deepEqual(parse('-').positionals, ['-']);
  assert.deepEqual(parse('-valid', '-').values, { validFile: '-' });
});

test('numbers are decimal, whole, and nothing else', () => {
  assert.deepEqual(parse('-learning_rate', '2e-3').values, { learningRate: 0.002 });
  assert.deepEqual(parse('-dropout', '.5').values, { dropout: 0.5 });
  for (const word of ['nan', '1e400', '0x10', '12abc', '', ' 1', 'Infinity', '1_000', '--', '1,5']) {
    assert.throws(() => parse('-rnn_size', word), {
      name: 'UsageError',
      message: /^-rnn_size: got .* expected a whole number/,
    });
  }
});

test('switches', () => {
  assert.deepEqual(parse('--fit').values, { fit: true });
  assert.deepEqual(parse('--fit=false').values, { fit: false });
  assert.deepEqual(parse('--fit', 'false', 'a.txt'), { ...parse('a.txt', '--fit=false') });
  assert.deepEqual(parse('--fit', 'true').values, { fit: true });
  assert.deepEqual(parse('a.txt', '-fit', 'b.txt').positionals, ['a.txt', 'b.txt']);
  assert.deepEqual(parse('--fit', './false').positionals, ['./false']);
  assert.throws(() => parse('--fit=maybe'), /got "maybe", expected true or false/);
});

test('a flag at the end without its value', () => {
  assert.throws(() => parse('-rnn_size'), /-rnn_size needs a value: expected a whole number/);
});

test('an unknown flag names the nearest, in the style it was typed', () => {
  assert.throws(() => parse('-rnn_sise', '1'), /unknown flag -rnn_sise\. Did you mean -rnn_size\?/);
  assert.throws(() => parse('--rnn-sise', '1'), /Did you mean --rnn-size\?/);
  assert.throws(() => parse('--quux'), /unknown flag --quux\.$/);
  assert.equal(suggest('trian', ['train', 'sample']), 'train');
});

test("every flag of the original's train has its default", () => {
  const original: Record<string, unknown> = {
    data_dir: 'data/tinyshakespeare',
    rnn_size: 128,
    num_layers: 2,
    model: 'lstm',
    learning_rate: 2e-3,
    learning_rate_decay: 0.97,
    learning_rate_decay_after: 10,
    decay_rate: 0.95,
    dropout: 0,
    seq_length: 50,
    batch_size: 50,
    max_epochs: 50,
    grad_clip: 5,
    train_frac: 0.95,
    val_frac: 0.05,
    init_from: undefined,
    seed: 123,
    print_every: 1,
    eval_val_every: 1000,
    checkpoint_dir: 'cv',
    savefile: 'lstm',
    accurate_gpu_timing: 0,
    gpuid: 0,
    opencl: 0,
  };
  const ours = trainCommand.flags.filter(({ info }) => info.original);
  assert.deepEqual(
    Object.fromEntries(ours.map(({ info, type }) => [info.flag, type.defaultValue])),
    original,
  );
});
