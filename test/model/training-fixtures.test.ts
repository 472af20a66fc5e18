/** Golden numbers: twenty iterations of training, recorded from the original. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Batch } from '../../src/data/batches/batches.ts';
import type { Cell } from '../../src/engine/cells.ts';
import type { Precision } from '../../src/engine/engine.ts';
import { UPDATE_REPORT_LENGTH } from '../../src/engine/engine.ts';
import { ReferenceEngine } from '../../src/engine/reference/reference-engine.ts';
import { layoutOf, type ModelConfig } from '../../src/model/config.ts';
import { initialParameters } from '../../src/model/initial-parameters.ts';
import { Network } from '../../src/model/network.ts';
import { fromOriginalOrder, toOriginalOrder } from '../../src/model/original-order.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';
import { largestDifference } from '../compare.ts';

interface TrainingFixture {
  readonly opt: {
    model: Cell;
    rnn_size: number;
    num_layers: number;
    grad_clip: number;
    learning_rate: number;
  };
  readonly batches: { x: number[][]; y: number[][] }[];
  readonly params_init: number[];
  readonly losses: number[];
  readonly grad1: number[];
  readonly grad2: number[];
  readonly params_final: number[];
}

/** Converts a batch of the fixture, [batch][time] with tokens from 1, to ours, [T, B] with tokens from 0. */
function toBatch({ x, y }: { x: number[][]; y: number[][] }): Batch {
  const timeFirst = (rows: number[][]) =>
    Int32Array.from((rows[0] as number[]).flatMap((_, t) => rows.map((row) => (row[t] as number) - 1)));
  return { inputs: timeFirst(x), targets: timeFirst(y) };
}

for (const name of ['lstm12x2', 'gru12x2', 'rnn12x2', 'lstm12x2_clip02']) {
  const url = new URL(`../fixtures/original/training/${name}.json`, import.meta.url);
  const fixture: TrainingFixture = JSON.parse(readFileSync(url, 'utf8'));
  const config: ModelConfig = {
    cell: fixture.opt.model,
    layers: fixture.opt.num_layers,
    hiddenSize: fixture.opt.rnn_size,
    vocabularySize: 62,
  };
  const layout = layoutOf(config);

  test(`${name}: the seed gives the original's initial parameters, to the bit`, () => {
    const parameters = initialParameters(layout, new MersenneTwister(123));
    assert.deepEqual(Array.from(toOriginalOrder(layout, parameters)), fixture.params_init);
  });

  const cases: [Precision, number][] = [
    ['float64', 1e-9],
    ['float32', 1e-4],
  ];
  for (const [precision, tolerance] of cases) {
    test(`${name}: losses, gradients and parameters of 20 iterations, ${precision}`, async () => {
      const engine = new ReferenceEngine(precision);
      const network = new Network(engine, config, { batchSize: 5, sequenceLength: 10 });
      const [weights, gradient] = [engine.vector(network.layout), engine.vector(network.layout)];
      engine.write(weights, fromOriginalOrder(layout, Float64Array.from(fixture.params_init)));
      const state = network.makeState();
      const moment = engine.vector(network.layout);
      const steps = engine.tensor('int', [1]);
      const report = engine.tensor('float', [UPDATE_REPORT_LENGTH]);
      for (const [index, batch] of fixture.batches.entries()) {
        network.lossAndGradient(weights, gradient, toBatch(batch), state);
        const [total] = await engine.read(network.loss);
        const loss = (total as number) / (5 * 10);
        const original = fixture.losses[index] as number;
        assert.ok(
          Math.abs(loss - original) <= tolerance * original,
          `loss of iteration ${index + 1}: ${loss}; the original's: ${original}`,
        );
        engine.update({
          weights,
          gradient,
          steps,
          moments: [moment],
          rule: { kind: 'rmsprop', alpha: 0.95, epsilon: 1e-8 },
          learningRate: fixture.opt.learning_rate,
          clipElement: fixture.opt.grad_clip,
          report,
        });
        const expected = [fixture.grad1, fixture.grad2][index];
        if (!expected) continue;
        const values = toOriginalOrder(layout, await engine.read(gradient));
        assert.ok(largestDifference(values, expected) <= tolerance, `gradient ${index + 1}`);
      }
      const parameters = toOriginalOrder(layout, await engine.read(weights));
      assert.ok(largestDifference(parameters, fixture.params_final) <= tolerance, 'final parameters');
    });
  }
}
