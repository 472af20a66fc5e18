/**
 * Measures the characters a second that an engine samples. Prints one line of JSON.
 *
 *     node --import tsx bench/sampling.ts lstm 128 2 SEQUENCES [engine] [threads] [seconds] [options as JSON] [--quantize int8]
 *
 * The options are those of `model.generateAll`: '{"topK":40,"topP":0.9,"repetitionPenalty":1.1}'.
 * `--quantize int8` samples with int8 weights.
 */
import { parseArgs } from 'node:util';
import { Vocabulary } from '../src/data/vocabulary.ts';
import { LanguageModel } from '../src/language-model.node.ts';
import { layoutOf } from '../src/model/config.ts';
import { initialParameters } from '../src/model/initial-parameters.ts';
import { MersenneTwister } from '../src/util/mersenne-twister.ts';
import { count, jsonObject, networkArguments, oneOf, orExit } from './arguments.ts';

const { cell, hiddenSize, layers, sequences, engine, threads, seconds, options, quantize } = orExit(() => {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { quantize: { type: 'string', default: 'none' } },
  });
  const [
    cell = 'lstm',
    units = '128',
    depth = '2',
    sequences = '1',
    name = 'auto',
    threads = '',
    seconds = '3',
    json = '{}',
    ...more
  ] = positionals;
  return {
    ...networkArguments({ cell, units, depth, name, threads, seconds, more }),
    sequences: count('the sequences', sequences),
    options: jsonObject('the options', json),
    quantize: oneOf('quantize', values.quantize, ['int8', 'none']),
  };
});
const V = 65;
const config = { cell, layers, hiddenSize, vocabularySize: V };
const symbols = Array.from({ length: V }, (_, index) => String.fromCharCode(0x20 + index));
const vocabulary = new Vocabulary({ kind: 'character', normalize: 'none', symbols, hasUnknown: false });
const parameters = initialParameters(layoutOf(config), new MersenneTwister(1));
const model = new LanguageModel(
  { config, precision: 'float32', vocabulary, parameters: Float32Array.from(parameters) },
  { engine, threads, quantize },
);
const prompts = Array<string>(sequences).fill('');
// A warm-up: V8 compiles the code that is used often.
const warm = performance.now() + 1500;
let perStep = 0;
do {
  const begin = performance.now();
  await model.generateAll({ ...options, prompts, length: 100 });
  perStep = (performance.now() - begin) / 100;
} while (performance.now() < warm);
// Long texts, but of no more than about a second: a large model takes 7 ms for a character.
const length = Math.min(prompts.length === 1 ? 20_000 : 1_000, Math.ceil(1000 / perStep));
let drawn = 0;
const start = performance.now();
while (performance.now() - start < seconds * 1000) {
  await model.generateAll({ ...options, prompts, length });
  drawn += length * prompts.length;
}
const perSecond = (drawn * 1000) / (performance.now() - start);
console.log(JSON.stringify({ perSecond, engine: await model.describeEngine() }));
await model.close();
