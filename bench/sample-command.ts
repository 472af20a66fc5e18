/**
 * Compares the characters a second that `char-rnn sample` writes to a file with those that the engine alone draws. Prints a line of JSON for
 * each case.
 *
 *     npm run build && node --import tsx bench/sample-command.ts [rounds]
 *
 * The model is an LSTM of 2 × 128 over 65 symbols. The command runs with two lengths; their difference excludes its start-up time. Engine and
 * command take turns. The result is the median ratio of all rounds.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Vocabulary } from '../src/data/vocabulary.ts';
import { stateParts } from '../src/engine/cells.ts';
import { NEUTRAL_CONTROLS } from '../src/engine/engine.ts';
import { recurrentModules } from '../src/engine/layout.ts';
import { makeEngine } from '../src/engine/select.node.ts';
import { LanguageModel } from '../src/language-model.node.ts';
import { layoutOf, type ModelConfig } from '../src/model/config.ts';
import { initialParameters } from '../src/model/initial-parameters.ts';
import { MersenneTwister } from '../src/util/mersenne-twister.ts';

const [rounds = '5'] = process.argv.slice(2);
const V = 65;
const STEPS = 64;
const config: ModelConfig = { cell: 'lstm', layers: 2, hiddenSize: 128, vocabularySize: V };
const layout = layoutOf(config);
// As large as after training, so that predictions are neither certain nor uniform.
const parameters = initialParameters(layout, new MersenneTwister(1), 'float32').map((value) => value * 6);
const symbols = Array.from({ length: V }, (_, index) => String.fromCharCode(0x20 + index));
const vocabulary = new Vocabulary({ kind: 'character', normalize: 'none', symbols, hasUnknown: false });
const folder = mkdtempSync(join(tmpdir(), 'char-rnn-bench-'));
const checkpoint = join(folder, 'model.safetensors');
await new LanguageModel({
  config,
  precision: 'float32',
  vocabulary,
  parameters: Float32Array.from(parameters),
}).save(checkpoint);
const program = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

/** Characters a second of the engine alone, measured for some seconds. */
async function engineRate(N: number, seconds: number): Promise<number> {
  const { engine } = await makeEngine({ engine: 'auto', precision: 'float32' });
  const weights = engine.vector(layout);
  engine.write(weights, parameters);
  const states = recurrentModules(layout).map((module) =>
    engine.tensor('float', [stateParts(module.cell), N, module.hiddenSize]),
  );
  const call = {
    weights,
    states,
    slots: Int32Array.from(Array(N).keys()),
    rows: Array(N).fill({ controls: NEUTRAL_CONTROLS }),
  };
  const output = engine.tensor('float', [N, V]);
  const random = new MersenneTwister(2);
  const uniforms = Float64Array.from({ length: STEPS * N }, () => random.nextUniform());
  let drawn = 0;
  const start = performance.now();
  while (performance.now() - start < seconds * 1000) {
    await engine.generate({ ...call, output, uniforms });
    drawn += STEPS * N;
  }
  const rate = (drawn * 1000) / (performance.now() - start);
  await engine.close();
  return rate;
}

/** Milliseconds of the command, including its start. */
function commandTime(words: readonly string[]): number {
  const out = openSync(join(folder, 'sample.txt'), 'w');
  const start = performance.now();
  const { status } = spawnSync(process.execPath, [program, 'sample', checkpoint, '-verbose', '0', ...words], {
    stdio: ['ignore', out, 'inherit'],
  });
  if (status !== 0) throw new Error(`char-rnn sample ended with ${status}`);
  return performance.now() - start;
}

function commandRate(sequences: number, controls: readonly string[]): number {
  const short = sequences === 1 ? 10_000 : 500;
  const long = sequences === 1 ? 160_000 : 8_000;
  const time = (length: number) =>
    commandTime(['-length', `${length}`, '-count', `${sequences}`, ...controls]);
  const shortTime = time(short);
  return ((long - short) * sequences * 1000) / (time(long) - shortTime);
}

const controlled = '-top_k 40 -top_p 0.9 -repetition_penalty 1.1 -frequency_penalty 0.1'.split(' ');
for (const sequences of [1, 64]) {
  for (const controls of [[], controlled]) {
    const results = [];
    for (let round = 0; round < Number(rounds); round++) {
      const engine = await engineRate(sequences, 1);
      const command = commandRate(sequences, controls);
      results.push({ engine, command, ratio: command / engine });
    }
    results.sort((a, b) => a.ratio - b.ratio);
    const median = results[results.length >> 1];
    console.log(JSON.stringify({ sequences, controls: controls.join(' '), ...median }));
  }
}
rmSync(folder, { recursive: true });
