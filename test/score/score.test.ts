/** Compares scoring with a naive implementation: one step at a time, on the reference engine. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { buildCorpus } from '../../src/data/corpus.ts';
import { MemoryTokens } from '../../src/data/tokens/memory-tokens.ts';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { stateParts } from '../../src/engine/cells.ts';
import type { FloatArray, Tensor, Vector } from '../../src/engine/engine.ts';
import { recurrentModules } from '../../src/engine/layout.ts';
import { ReferenceEngine } from '../../src/engine/reference/reference-engine.ts';
import { makeEngine } from '../../src/engine/select.node.ts';
import { TextError } from '../../src/errors.ts';
import { LanguageModel } from '../../src/language-model.node.ts';
import { layoutOf } from '../../src/model/config.ts';
import type { SymbolDetails } from '../../src/model/symbol-details.ts';
import { packSequences } from '../../src/score/pack-sequences.ts';
import { scoreSequences } from '../../src/score/score-sequences.ts';
import { documentSequences, documentsOf, rowSequences, type Sequence } from '../../src/score/sequences.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';
import { madeCheckpoint } from '../checkpoint/made-checkpoint.ts';

const vocabulary = new Vocabulary({
  kind: 'character',
  normalize: 'none',
  symbols: [...' abcde'],
  hasUnknown: false,
});
const checkpoint: Checkpoint = madeCheckpoint({ vocabulary, precision: 'float64' });

function randomTokens(length: number): Int32Array {
  const random = new MersenneTwister(length);
  return Int32Array.from({ length }, () => Math.floor(random.nextUniform() * vocabulary.size));
}

/** −log p of each token after the first, one step at a time. */
async function naiveLosses(tokens: Int32Array): Promise<number[]> {
  const engine = new ReferenceEngine('float64');
  const layout = layoutOf(checkpoint.config);
  const weights = engine.vector(layout);
  engine.write(weights, checkpoint.parameters);
  const states = recurrentModules(layout).map((module) =>
    engine.tensor('float', [stateParts(module.cell), 1, module.hiddenSize]),
  );
  const output = engine.tensor('float', [1, vocabulary.size]);
  const losses: number[] = [];
  for (let i = 0; i + 1 < tokens.length; i++) {
    const token = Int32Array.of(tokens[i] as number);
    engine.step({
      weights,
      states,
      slots: Int32Array.of(0),
      tokens: token,
      output,
    });
    const row = await engine.read(output);
    losses.push(-(row[tokens[i + 1] as number] as number));
  }
  return losses;
}

/** The losses by position in the text, for any sequences. */
async function lossesOf(tokens: Int32Array, sequences: readonly Sequence[], rows: number) {
  const losses = new Float64Array(tokens.length).fill(Number.NaN);
  const runs = scoreSequences({
    engine: new ReferenceEngine('float64'),
    ...checkpoint,
    tokens: new MemoryTokens(tokens),
    sequences,
    rows,
  });
  for await (const run of runs) {
    assert.deepEqual(run.tokens, tokens.slice(run.target, run.target + run.losses.length));
    losses.set(run.losses, run.target);
  }
  return losses;
}

function near(actual: Iterable<number>, expected: readonly number[]) {
  const values = [...actual];
  assert.equal(values.length, expected.length);
  values.forEach((value, i) => {
    assert.ok(Math.abs(value - (expected[i] as number)) < 1e-12, `${i}: ${value}, ${expected[i]}`);
  });
}

test('one sequence: every character but the first has a loss, the same as step by step', async () => {
  const tokens = randomTokens(1203);
  const losses = await lossesOf(tokens, rowSequences(tokens.length, 1), 1);
  assert.ok(Number.isNaN(losses[0]));
  near(losses.slice(1), await naiveLosses(tokens));
});

test('rows: each starts from the zero state, and together they predict every character but the first', async () => {
  const tokens = randomTokens(101);
  const losses = await lossesOf(tokens, rowSequences(tokens.length, 3), 3);
  const expected = [
    ...(await naiveLosses(tokens.slice(0, 34))),
    ...(await naiveLosses(tokens.slice(33, 67))),
    ...(await naiveLosses(tokens.slice(66, 101))),
  ];
  near(losses.slice(1), expected);
});

test('documents: each is an independent sequence, whatever the rest of the batch is', async () => {
  const tokens = randomTokens(700);
  const cuts = [0, 1, 3, 250, 251, 300, 700];
  const documents = cuts.slice(1).map((end, i) => ({ start: cuts[i] as number, end }));
  const sequences = documentSequences(documents);
  const expected: number[] = [];
  for (const { start, end } of documents)
    expected.push(Number.NaN, ...(await naiveLosses(tokens.slice(start, end))));
  for (const rows of [1, 2, 5]) {
    const losses = await lossesOf(tokens, sequences, rows);
    losses.forEach((loss, i) => {
      const wanted = expected[i] as number;
      assert.ok(
        Number.isNaN(wanted) ? Number.isNaN(loss) : Math.abs(loss - wanted) < 1e-12,
        `${rows} rows, ${i}`,
      );
    });
  }
});

test('rows cover every prediction once, even with more rows than predictions', () => {
  for (const [tokens, rows] of [
    [2, 5],
    [100, 7],
    [51, 50],
    [1000, 1],
  ] as const) {
    const sequences = rowSequences(tokens, rows);
    assert.ok(sequences.length <= rows);
    let at = 0;
    for (const { first, count } of sequences) {
      assert.equal(first, at);
      at += count;
    }
    assert.equal(at, tokens - 1);
  }
});

test('blocks: a row that has finished takes the next sequence, and resets mark where sequences begin', async () => {
  const tokens = new MemoryTokens(Int32Array.from({ length: 20 }, (_, i) => i));
  const sequences = [
    { first: 0, count: 2 },
    { first: 5, count: 0 },
    { first: 6, count: 5 },
    { first: 12, count: 1 },
  ];
  const blocks = [];
  for await (const block of packSequences(tokens, sequences, { batchSize: 2, sequenceLength: 3 })) {
    blocks.push({ inputs: [...block.inputs], targets: [...block.targets], resets: [...block.resets] });
  }
  // The first row has finished its sequence after two steps and takes the fourth one.
  assert.deepEqual(blocks, [
    { inputs: [0, 6, 1, 7, 12, 8], targets: [1, 7, 2, 8, 13, 9], resets: [1, 1, 0, 0, 1, 0] },
    { inputs: [0, 9, 0, 10, 0, 0], targets: [0, 10, 0, 11, 0, 0], resets: [0, 0, 0, 0, 0, 0] },
  ]);
});

test('the bits of a row do not depend on the other rows', async () => {
  const { engine } = await makeEngine({ engine: 'auto', precision: 'float32' });
  const tokens = randomTokens(400);
  const run = async (sequences: Sequence[], rows: number) => {
    const losses = new Float64Array(tokens.length);
    const source = new MemoryTokens(tokens);
    for await (const scored of scoreSequences({ engine, ...checkpoint, tokens: source, sequences, rows }))
      losses.set(scored.losses, scored.target);
    return losses;
  };
  const sequences = rowSequences(tokens.length, 4);
  assert.deepEqual(await run(sequences, 4), await run(sequences, 1));
  await engine.close();
});

/** An engine whose reads take some time, like those of an engine with threads. */
class SlowReads extends ReferenceEngine {
  pendingReads = 0;

  override read(source: Vector): Promise<FloatArray>;
  override read(source: Tensor): Promise<FloatArray | Int32Array | Uint8Array>;
  override async read(source: Tensor | Vector): Promise<FloatArray | Int32Array | Uint8Array> {
    this.pendingReads++;
    await setTimeout(5);
    this.pendingReads--;
    return super.read(source as Tensor);
  }
}

test('after scoring is left or aborted, no read is pending, so the engine can be closed', async () => {
  const tokens = randomTokens(3_000);
  for (const leaves of [true, false]) {
    const engine = new SlowReads('float64');
    const stop = new AbortController();
    const read = async () => {
      const sequences = rowSequences(tokens.length, 1);
      const scoring = { engine, ...checkpoint, tokens: new MemoryTokens(tokens), sequences, rows: 1 };
      for await (const _ of scoreSequences({ ...scoring, signal: stop.signal })) {
        if (leaves) return;
        stop.abort();
      }
    };
    if (leaves) await read();
    else await assert.rejects(read(), { name: 'AbortError' });
    assert.equal(engine.pendingReads, 0);
  }
});

test('model.score: totals, symbols, and invalid input', async () => {
  const model = new LanguageModel(checkpoint);
  const text = 'abc dead cab';
  const score = await model.score(text);
  const expected = await naiveLosses(
    Int32Array.from([...text], (char) => vocabulary.tokenOf(char) as number),
  );
  const nats = expected.reduce((sum, loss) => sum + loss, 0);
  assert.equal(score.characters, text.length - 1);
  assert.ok(Math.abs(score.nats - nats) < 1e-10);
  assert.ok(Math.abs(score.bitsPerCharacter - nats / (text.length - 1) / Math.log(2)) < 1e-12);
  assert.ok(Math.abs(score.perplexity - Math.exp(nats / (text.length - 1))) < 1e-12);
  assert.deepEqual(score.symbols, [...text]);
  await assert.rejects(
    model.score('a'),
    (error) => error instanceof TextError && error.code === 'text-too-short',
  );
  await assert.rejects(model.score('abX', { unknown: 'error' }), { code: 'text-unknown-character' });
  const notices: string[] = [];
  const skipped = await model.score('abXc', {
    unknown: 'skip',
    onNotice: (message) => notices.push(message),
  });
  assert.equal(skipped.characters, 2);
  assert.equal(notices.length, 1);
  await assert.rejects(model.score(text, { rows: 0 }), { code: 'option' });
  await assert.rejects(model.score(text, { signal: AbortSignal.abort() }), { name: 'AbortError' });
  await model.close();
});

test('the document boundaries are read from the tokens, in blocks of any size', async () => {
  const text = 'ab cd.e abc.d';
  const corpus = await buildCorpus(
    { text: text.replaceAll('.', 'e'), name: 'made' },
    { tokens: 'character', normalize: 'none', minCount: 1, unknown: 'error', separator: 'e', vocabulary },
  );
  assert.deepEqual(await documentsOf(corpus.tokens), [
    { start: 0, end: 6 },
    { start: 6, end: 7 },
    { start: 7, end: 12 },
    { start: 12, end: 13 },
  ]);
  assert.deepEqual(await documentsOf(new MemoryTokens(Int32Array.of(1, 2, 3))), [{ start: 0, end: 3 }]);
});

test('with alternatives, a score has the details that a written text has', async () => {
  const model = new LanguageModel(madeCheckpoint({ hiddenSize: 6 }), { precision: 'float64' });
  const prompt = 'a';
  const written: SymbolDetails[] = [];
  for await (const { details } of model.generatePieces({ prompt, length: 60, alternatives: 3 }))
    written.push(...details);
  const text = prompt + written.map(({ text }) => text).join('');
  const { details, losses, symbols } = await model.score(text, { alternatives: 3 });
  assert.ok(details);
  assert.deepEqual(
    details.map(({ text }) => text),
    symbols,
  );
  const [first, ...others] = details;
  assert.deepEqual(first, {
    ...{ text: 'a', logProbability: Number.NaN, entropy: Number.NaN, drawnProbability: 1, alternatives: [] },
  });
  const close = (a: number, b: number) => assert.ok(Math.abs(a - b) < 1e-12, `${a} ${b}`);
  for (const [i, { text, logProbability, entropy, alternatives }] of others.entries()) {
    const own = written[i] as SymbolDetails;
    assert.equal(text, own.text);
    close(logProbability, -(losses[i + 1] as number));
    close(logProbability, own.logProbability);
    close(entropy, own.entropy);
    assert.deepEqual(
      alternatives.map(({ text }) => text),
      own.alternatives.map(({ text }) => text),
    );
    for (const [k, alternative] of alternatives.entries())
      close(alternative.logProbability, own.alternatives[k]?.logProbability as number);
  }
  const rows = await model.score(text, { alternatives: 3, rows: 4 });
  rows.details?.slice(1).forEach(({ logProbability }, i) => {
    close(logProbability, -(rows.losses[i + 1] as number));
  });
  const none = await model.score(text, { alternatives: 0 });
  assert.deepEqual(none.details?.[5]?.alternatives, []);
  assert.equal('details' in (await model.score(text)), false);
  await model.close();
});

test('details that would need too much memory are refused before anything is read', async () => {
  const model = new LanguageModel(madeCheckpoint());
  const long = 'a'.repeat(2_500_000);
  await assert.rejects(model.score(long, { alternatives: 5 }), {
    name: 'MemoryError',
    message:
      /^5 alternatives of 2500000 symbols would need about 1\.\d+ G.*, expected at most 1.* G.*: score a shorter text, or list fewer alternatives\.$/,
  });
  await assert.rejects(model.score('aa', { alternatives: -1 }), { name: 'OptionError' });
  await model.close();
});
