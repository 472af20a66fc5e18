/**
 * Measures the characters a second of scoring, and for comparison of evaluation and of sampling one sequence. Prints one line of JSON.
 *
 *     node --import tsx bench/scoring.ts [seconds]
 *
 * The model is an LSTM of 2 × 128 over 65 symbols. It scores a text as one sequence and as 50 rows, evaluates batches of 50 × 50, and samples
 * one sequence.
 */
import { MemoryTokens } from '../src/data/tokens/memory-tokens.ts';
import { Vocabulary } from '../src/data/vocabulary.ts';
import { makeEngine } from '../src/engine/select.node.ts';
import { layoutOf, type ModelConfig } from '../src/model/config.ts';
import { initialParameters } from '../src/model/initial-parameters.ts';
import { Network } from '../src/model/network.ts';
import { generateTokens } from '../src/sample/generate-tokens.ts';
import { checkGenerateOptions, planSampling } from '../src/sample/options.ts';
import { SequencePool } from '../src/sample/pool/pool.ts';
import { scoreSequences } from '../src/score/score-sequences.ts';
import { rowSequences } from '../src/score/sequences.ts';
import { MersenneTwister } from '../src/util/mersenne-twister.ts';

const [seconds = '3'] = process.argv.slice(2);
const V = 65;
const config: ModelConfig = { cell: 'lstm', layers: 2, hiddenSize: 128, vocabularySize: V };
const layout = layoutOf(config);
const parameters = initialParameters(layout, new MersenneTwister(1), 'float32');
const { engine } = await makeEngine({ engine: 'auto', precision: 'float32' });
const random = new MersenneTwister(2);
const tokens = new MemoryTokens(
  Uint8Array.from({ length: 1_000_000 }, () => Math.floor(random.nextUniform() * V)),
);

/** Characters a second of some work, which yields the number of characters that it has done. */
async function rate(work: AsyncIterable<number>): Promise<number> {
  let done = 0;
  const start = performance.now();
  for await (const more of work) {
    done += more;
    if (performance.now() - start > Number(seconds) * 1000) break;
  }
  return (done * 1000) / (performance.now() - start);
}

async function* scored(rows: number) {
  const sequences = rowSequences(tokens.length, rows);
  const scoring = { engine, config, parameters, tokens, sequences, rows: rows };
  for (;;) for await (const run of scoreSequences(scoring)) yield run.losses.length;
}

async function* evaluated() {
  const network = new Network(engine, config, { batchSize: 50, sequenceLength: 50 }, 'evaluation');
  const weights = engine.vector(layout);
  engine.write(weights, parameters);
  const state = network.makeState();
  const inputs = new Int32Array(2_500);
  await tokens.read(0, inputs);
  for (;;) {
    network.evaluate(weights, { inputs, targets: inputs }, state);
    await engine.read(network.loss);
    yield inputs.length;
  }
}

async function* sampled() {
  const weights = engine.vector(layout);
  engine.write(weights, parameters);
  const symbols = Array.from({ length: V }, (_, index) => String.fromCharCode(0x20 + index));
  const vocabulary = new Vocabulary({ kind: 'character', normalize: 'none', symbols, hasUnknown: false });
  const plan = planSampling(vocabulary, checkGenerateOptions({ length: 1e9 }));
  const pool = new SequencePool({
    ...{ engine, weights, vocabularySize: V, capacity: 1, cacheBytes: 0, partTime: 10 },
  });
  const texts = [{ prompt: [], generator: new MersenneTwister(3) }];
  for await (const [drawn] of generateTokens({ pool, ...plan, texts })) yield drawn?.tokens.length ?? 0;
}

const figures = {
  oneSequence: await rate(scored(1)),
  oneSequenceSampled: await rate(sampled()),
  fiftyRows: await rate(scored(50)),
  evaluation: await rate(evaluated()),
};
console.log(JSON.stringify({ ...figures, engine: engine.description.text }));
await engine.close();
