/** Golden numbers: what the original computed and sampled from four checkpoints. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { type Cell, stateParts } from '../../src/engine/cells.ts';
import type { FloatArray } from '../../src/engine/engine.ts';
import { recurrentModules } from '../../src/engine/layout.ts';
import { ReferenceEngine } from '../../src/engine/reference/reference-engine.ts';
import { LanguageModel } from '../../src/language-model.ts';
import { layoutOf, type ModelConfig } from '../../src/model/config.ts';
import { fromOriginalOrder } from '../../src/model/original-order.ts';

interface CheckpointFixture {
  readonly opt: { model: Cell; rnn_size: number; num_layers: number };
  readonly vocab_bytes: number[];
  readonly params_flat: number[];
  readonly text: string;
  readonly logprobs: number[][];
  /** c1, h1, c2, h2, … for an lstm; h1, h2, … for the others. */
  readonly final_state: number[][];
  readonly greedy100_after_text: string;
  readonly sample_lua_sampled_stdout: Record<string, string>;
}

for (const name of ['lstm16x2', 'gru16x2', 'rnn16x2', 'lstm24x3_drop25']) {
  const url = new URL(`../fixtures/original/checkpoints/${name}.json`, import.meta.url);
  const fixture: CheckpointFixture = JSON.parse(readFileSync(url, 'utf8'));
  const config: ModelConfig = {
    cell: fixture.opt.model,
    layers: fixture.opt.num_layers,
    hiddenSize: fixture.opt.rnn_size,
    vocabularySize: fixture.vocab_bytes.length,
  };
  const layout = layoutOf(config);
  const parameters = fromOriginalOrder(layout, Float64Array.from(fixture.params_flat));
  const symbols = fixture.vocab_bytes.map((byte) => String.fromCharCode(byte));
  const vocabulary = new Vocabulary({ kind: 'byte', normalize: 'none', symbols, hasUnknown: false });
  const model = new LanguageModel({ config, precision: 'float64', vocabulary, parameters });

  /** The generated text, after the prompt. */
  async function generate(options: Parameters<LanguageModel['generate']>[0]): Promise<string> {
    let text = '';
    for await (const piece of model.generate(options)) text += piece;
    return text;
  }

  test(`${name}: log-probabilities and the final state after 60 characters`, async () => {
    const engine = new ReferenceEngine('float64');
    const weights = engine.vector(layout);
    engine.write(weights, parameters);
    const states = recurrentModules(layout).map((module) =>
      engine.tensor('float', [stateParts(module.cell), 1, module.hiddenSize]),
    );
    const output = engine.tensor('float', [1, vocabulary.size]);
    for (const [position, character] of [...fixture.text].entries()) {
      engine.step({
        weights,
        states,
        slots: Int32Array.of(0),
        tokens: Int32Array.of(vocabulary.tokenOf(character) as number),
        output,
      });
      const got = (await engine.read(output)) as FloatArray;
      for (const [token, expected] of (fixture.logprobs[position] as number[]).entries()) {
        const error = Math.abs((got[token] as number) - expected) / Math.max(1, Math.abs(expected));
        assert.ok(error <= 1e-12, `character ${position}, token ${token}: off by ${error}`);
      }
    }
    const final = (await Promise.all(states.map((state) => engine.read(state)))).flatMap((state) => [
      ...state,
    ]);
    fixture.final_state.flat().forEach((expected, index) => {
      assert.ok(Math.abs((final[index] as number) - expected) <= 1e-12, `state ${index}`);
    });
  });

  test(`${name}: the greedy continuation`, async () => {
    const text = await generate({ prompt: fixture.text, length: 100, temperature: 0 });
    assert.equal(text, fixture.greedy100_after_text);
  });

  const samples = Object.entries(fixture.sample_lua_sampled_stdout);
  assert.ok(samples.length > 0);
  for (const [key, printed] of samples) {
    const facts = /^seed(\d+)_temp([\d.]+)_(noprime|prime60)_len(\d+)$/.exec(key);
    assert.ok(facts, key);
    const [, seed, temperature, prime, length] = facts;
    test(`${name}: the text of ${key}`, async () => {
      const prompt = prime === 'noprime' ? '' : fixture.text;
      const options = {
        seed: Number(seed),
        temperature: Number(temperature),
        length: Number(length),
        prompt,
      };
      assert.equal(`${await generate({ ...options, echo: true })}\n`, printed);
    });
  }
}
