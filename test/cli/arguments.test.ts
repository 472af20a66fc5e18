import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseArguments } from '../../src/cli/arguments/arguments.ts';
import { OTHER_FLAG_NAMES } from '../../src/cli/arguments/other-names.ts';
import { unknownCommand } from '../../src/cli/arguments/unknown-command.ts';
import { guessFlag } from '../../src/cli/arguments/unknown-flag.ts';
import { doctorCommand } from '../../src/cli/commands/doctor.ts';
import { commands } from '../../src/cli/commands/index.ts';
import { sampleCommand } from '../../src/cli/commands/sample.ts';
import { trainCommand } from '../../src/cli/commands/train.ts';
import { suggest } from '../../src/util/suggest.ts';

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
  assert.deepEqual(parse('-gpuid', '-1', '-seed', '1', '-seed', '2').values, { gpu: -1, seed: 2 });
  assert.deepEqual(parse('a.txt', '-fit', '--', '-b').positionals, ['a.txt', '-b']);
  assert.deepEqual(parse('-').positionals, ['-']);
  assert.deepEqual(parse('-valid', '-').values, { validation: '-' });
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

test('a flag at the end without a value', () => {
  assert.throws(() => parse('-rnn_size'), /-rnn_size needs a value: expected a whole number/);
});

test('an unknown flag suggests the nearest one', () => {
  assert.throws(() => parse('-rnn_sise', '1'), /unknown flag -rnn_sise\. Did you mean --rnn-size\?/);
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
    // The original's is 0, with the CPU if there is no GPU. Ours is the CPU: docs/decisions/gpu.md.
    gpuid: undefined,
    opencl: 0,
  };
  const ours = trainCommand.flags.filter(({ info }) => info.original);
  assert.deepEqual(
    Object.fromEntries(ours.map(({ info, type }) => [info.flag, type.defaultValue])),
    original,
  );
});

test('flags have aliases, and each name means only one flag of a command', () => {
  assert.deepEqual(
    parse('--hidden', '64', '--lr=0.01', '-epochs', '3', '--batch', '8', '--seq', '9').values,
    {
      hiddenSize: 64,
      learningRate: 0.01,
      maxEpochs: 3,
      batchSize: 8,
      sequenceLength: 9,
    },
  );
  assert.deepEqual(parseArguments(['--prompt', 'a', '--temp', '0.5'], sampleCommand.flags).values, {
    prompt: 'a',
    temperature: 0.5,
  });
  for (const { name, flags } of commands) {
    const names = flags.flatMap(({ info }) => [info.flag, ...(info.aliases ?? [])]);
    assert.equal(new Set(names).size, names.length, name);
  }
});

test('names from other programs suggest the flag of the same meaning; a short name suggests no other flag', () => {
  const train = (name: string) => guessFlag(name, trainCommand.flags);
  assert.deepEqual(
    ['n_layer', 'block_size', 'max_iters', 'out_dir', 'hiddenSize', 'n_embd', 'num_layer'].map(train),
    ['num_layers', 'seq_length', 'max_iterations', 'checkpoint_dir', 'rnn_size', 'rnn_size', 'num_layers'],
  );
  const sample = (name: string) => guessFlag(name, sampleCommand.flags);
  assert.deepEqual(['n_predict', 'start', 'num_samples', 'repeat_penalty', 'tempreature'].map(sample), [
    ...['length', 'primetext', 'count', 'repetition_penalty', 'temperature'],
  ]);
  assert.deepEqual(['xy', 'lg', 'qux', 'zzzz'].map(train), [undefined, undefined, undefined, undefined]);
  for (const word of ['lr', 'temp']) assert.notEqual(guessFlag(word, doctorCommand.flags), 'log');
  assert.equal(train('settings'), 'config');
  const keys = new Set(commands.flatMap(({ flags }) => flags.map(({ key }) => key)));
  assert.deepEqual(
    Object.keys(OTHER_FLAG_NAMES).filter((key) => !keys.has(key)),
    [],
  );
});

test('an unknown command suggests a known one, as a line that works', () => {
  const names = ['train', 'sample', 'eval', 'inspect', 'serve', 'convert'];
  const suggested = (...words: string[]) =>
    /Did you mean:\n {2}(.*)\n/.exec(unknownCommand(words, names))?.[1];
  assert.match(suggested('generate', 'my cv') ?? '', / sample 'my cv'$/);
  assert.match(suggested('test') ?? '', / eval$/);
  assert.match(suggested('trian', 'a.txt') ?? '', / train a\.txt$/);
  assert.match(suggested('package.json') ?? '', / train package\.json$/);
  assert.equal(suggested('xyzzy'), undefined);
});
