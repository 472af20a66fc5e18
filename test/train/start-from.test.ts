/** Starting from a checkpoint on a text with other characters: `--init-from` with `--vocab extend` or `match`. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { LanguageModel, type TrainInput, type TrainingEvent, train } from '../../src/index.ts';
import { layoutOf } from '../../src/model/config.ts';
import { initialParameters } from '../../src/model/initial-parameters.ts';
import { startingParameters } from '../../src/train/start/start-from.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';
import { charRnn } from '../cli/command.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const before = 'the harbour wall stood in the rain. '.repeat(30);
/** Lacks `l`, `w` and `.`; has é and a character beyond U+FFFF. */
const after = 'thé harbour \u{1F600} stood in the rain '.repeat(30);
const small = { batchSize: 3, sequenceLength: 10, hiddenSize: 7, layers: 2, maxIterations: 2 } as const;

async function run(input: TrainInput) {
  const notices: string[] = [];
  for await (const event of train(input) as AsyncIterable<TrainingEvent>) {
    if (event.type === 'notice') notices.push(event.message);
    if (event.type === 'finished') return { ...event, notices: notices.join('\n') };
  }
  throw new Error('no end');
}

/** log p of every symbol after a prompt, by symbol. */
async function predictions(model: LanguageModel, prompt: string): Promise<Map<string, number>> {
  const { vocabulary } = model.checkpoint;
  const scores = new Map<string, number>();
  for (const symbol of vocabulary.symbols) {
    const { losses } = await model.score(prompt + symbol);
    scores.set(symbol, -(losses.at(-1) as number));
  }
  await model.close();
  return scores;
}

for (const shape of [
  { cell: 'lstm' },
  { cell: 'gru', precision: 'float64' },
  { cell: 'rnn', embeddingSize: 5 },
] as const) {
  test(`${shape.cell}: the parameters of a symbol move to its new token, and the others do not change`, async (context) => {
    const initFrom = join(temporaryFolder(context), 'start.safetensors');
    const { checkpoint } = await run({ ...small, ...shape, text: before });
    await new LanguageModel(checkpoint).save(initFrom);
    for (const initVocabulary of ['extend', 'match'] as const) {
      const options = { batchSize: 3, sequenceLength: 10, maxIterations: 1, seed: 9, learningRate: 1e-30 };
      const adapted = await run({ ...options, ...pick(shape), text: after, initFrom, initVocabulary });
      const { vocabulary } = adapted.checkpoint;
      const expected = initVocabulary === 'extend' ? ['.', 'l', 'w', 'é', '\u{1F600}'] : ['é', '\u{1F600}'];
      for (const symbol of expected) assert.notEqual(vocabulary.tokenOf(symbol), undefined, symbol);
      assert.equal(vocabulary.tokenOf('w') === undefined, initVocabulary === 'match');
      assert.match(adapted.notices, /2 new to the model.*: "é" "\u{1F600}"/u);
      assert.match(
        adapted.notices,
        initVocabulary === 'match'
          ? /3 not in the text, dropped from the model: "\." "l" "w"/
          : /3 not in the text, kept as they are: "\." "l" "w"/,
      );
      // The logits of the common symbols have not changed, so their log-probabilities differ from the earlier ones by a constant.
      const common = checkpoint.vocabulary.symbols.filter(
        (symbol) => vocabulary.tokenOf(symbol) !== undefined,
      );
      const [old, now] = await Promise.all(
        [checkpoint, adapted.checkpoint].map((one) => predictions(new LanguageModel(one), 'the har')),
      );
      const differences = common.map((symbol) => (now?.get(symbol) ?? 0) - (old?.get(symbol) ?? 0));
      for (const difference of differences)
        assert.ok(Math.abs(difference - (differences[0] as number)) < 1e-5, `${differences}`);
    }
  });
}

function pick({ precision }: { readonly precision?: 'float32' | 'float64' }) {
  return precision ? { precision } : {};
}

test('new symbols get the initial parameters of a new run with the same seed; learned biases are kept', async () => {
  const { checkpoint } = await run({ ...small, text: before });
  const other = (await run({ ...small, text: after })).checkpoint;
  const options = { seed: 5, precision: 'float32', init: 'original' } as const;
  const parameters = startingParameters(checkpoint, other.vocabulary, options);
  const layout = layoutOf(other.config);
  const fresh = initialParameters(layout, new MersenneTwister(5), 'float32');
  const V = other.config.vocabularySize;
  const { token, H } = { token: other.vocabulary.tokenOf('é') as number, H: 7 };
  for (let row = 0; row < 4 * H; row++) {
    assert.equal(parameters[row * V + token], fresh[row * V + token]);
  }
  const scaled = startingParameters(checkpoint, other.vocabulary, { ...options, init: 'scaled' });
  const column = Array.from({ length: 4 * H }, (_, row) => Math.abs(scaled[row * V + token] as number));
  assert.ok(Math.max(...column) > 0.5, 'the initial values that the run asks for');
  const decoder = parameters.length - V * H - V + token * H;
  assert.deepEqual(parameters.subarray(decoder, decoder + H), fresh.subarray(decoder, decoder + H));
  const biases = (values: ArrayLike<number>, width: number) =>
    Array.from({ length: 4 * H }, (_, index) => values[4 * H * width + index]);
  assert.deepEqual(
    biases(parameters, V),
    biases(checkpoint.parameters, checkpoint.config.vocabularySize),
    "the first layer's biases are the learned ones",
  );
});

test('the unknown symbols of both vocabularies correspond; an equal vocabulary changes nothing', async () => {
  const { checkpoint } = await run({ ...small, text: `${before}xyz`, minCount: 2 });
  const again = startingParameters(checkpoint, checkpoint.vocabulary, {
    ...{ seed: 5, precision: 'float32', init: 'original' },
  });
  assert.equal(again, checkpoint.parameters);
  const other = (await run({ ...small, text: `${after}xyz`, minCount: 2 })).checkpoint;
  const parameters = startingParameters(checkpoint, other.vocabulary, {
    ...{ seed: 5, precision: 'float32', init: 'original' },
  });
  assert.equal(
    parameters.at(-1),
    checkpoint.parameters.at(-1),
    'the last parameter is the bias of the unknown symbol',
  );
});

test('the command: errors for unknown characters, another kind of symbols, and --vocab without --init-from', async (context) => {
  const cwd = temporaryFolder(context);
  const env = { XDG_CACHE_HOME: join(cwd, 'cache') };
  const command = (...words: string[]) => charRnn(['train', ...words], { cwd, env });
  writeFileSync(join(cwd, 'before.txt'), before);
  writeFileSync(join(cwd, 'after.txt'), after);
  const shape = ['-rnn_size', '7', '-batch_size', '3', '-seq_length', '10', '--max_iterations', '2'];
  assert.equal((await command('before.txt', ...shape, '-savefile', 'a', '--tokens', 'byte')).code, 0);
  const start = 'cv/lm_a_epoch0.06_i2.safetensors';
  const unknown = await command('after.txt', ...shape, '-init_from', start);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /line 1, column 3.*not in the checkpoint's vocabulary[\s\S]*--vocab extend/);
  const kinds = await command(
    'after.txt',
    ...shape,
    '-init_from',
    start,
    '--vocab',
    'extend',
    '--tokens',
    'character',
  );
  assert.equal(kinds.code, 1);
  assert.match(kinds.stderr, /knows bytes.*read as characters[\s\S]*--tokens byte/);
  const works = await command(
    'after.txt',
    ...shape,
    '-init_from',
    start,
    '--vocab',
    'match',
    '-rnn_size',
    '9',
  );
  assert.equal(works.code, 0, works.stderr);
  assert.match(
    works.stdout,
    /--rnn-size is 7: it comes from the checkpoint[\s\S]*--vocab match: 13 of[\s\S]*"\\x80" "\\x98"/,
  );
  const alone = await command('after.txt', ...shape, '--vocab', 'match');
  assert.equal(alone.code, 2);
  assert.match(alone.stderr, /--vocab: works only with --init-from/);
  const resumed = await command('--resume', '--vocab', 'match');
  assert.equal(resumed.code, 2);
});
