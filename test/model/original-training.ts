/** Golden numbers of the original: twenty iterations of training. Engines repeat them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Batch } from '../../src/data/batches/batches.ts';
import type { Cell } from '../../src/engine/cells.ts';
import { type Engine, UPDATE_REPORT_LENGTH } from '../../src/engine/engine.ts';
import type { Layout } from '../../src/engine/layout.ts';
import { layoutOf, type ModelConfig } from '../../src/model/config.ts';
import { Network } from '../../src/model/network.ts';
import { fromOriginalOrder, toOriginalOrder } from '../../src/model/original-order.ts';
import { largestDifference } from '../compare.ts';

interface Recorded {
  readonly opt: {
    readonly model: Cell;
    readonly rnn_size: number;
    readonly num_layers: number;
    readonly grad_clip: number;
    readonly learning_rate: number;
  };
  readonly batches: readonly { readonly x: number[][]; readonly y: number[][] }[];
  readonly params_init: readonly number[];
  readonly losses: readonly number[];
  readonly grad1: readonly number[];
  readonly grad2: readonly number[];
  readonly params_final: readonly number[];
}

export interface OriginalFixture {
  readonly name: string;
  readonly config: ModelConfig;
  readonly layout: Layout;
  readonly recorded: Recorded;
}

/** The runs that were recorded. */
export function originalFixtures(): OriginalFixture[] {
  return ['lstm12x2', 'gru12x2', 'rnn12x2', 'lstm12x2_clip02'].map((name) => {
    const url = new URL(`../fixtures/original/training/${name}.json`, import.meta.url);
    const recorded: Recorded = JSON.parse(readFileSync(url, 'utf8'));
    const { model, num_layers, rnn_size } = recorded.opt;
    const config = { cell: model, layers: num_layers, hiddenSize: rnn_size, vocabularySize: 62 };
    return { name, config, layout: layoutOf(config), recorded };
  });
}

/** Converts a batch of the fixture, [batch][time] with tokens from 1, to ours, [T, B] with tokens from 0. */
function toBatch({ x, y }: Recorded['batches'][number]): Batch {
  const timeFirst = (rows: number[][]) =>
    Int32Array.from((rows[0] as number[]).flatMap((_, t) => rows.map((row) => (row[t] as number) - 1)));
  return { inputs: timeFirst(x), targets: timeFirst(y) };
}

/**
 * Repeats the iterations on an engine, and compares the results.
 *
 * @param what Whether to compare losses only, or also gradients and final parameters, which magnify rounding.
 */
export async function trainLikeOriginal(
  engine: Engine,
  { config, layout, recorded }: OriginalFixture,
  tolerance: number,
  what: 'losses' | 'everything',
): Promise<void> {
  const network = new Network(engine, config, { batchSize: 5, sequenceLength: 10 });
  const [weights, gradient] = [engine.vector(network.layout), engine.vector(network.layout)];
  engine.write(weights, fromOriginalOrder(layout, Float64Array.from(recorded.params_init)));
  const state = network.makeState();
  const moment = engine.vector(network.layout);
  const steps = engine.tensor('int', [1]);
  const report = engine.tensor('float', [UPDATE_REPORT_LENGTH]);
  for (const [index, batch] of recorded.batches.entries()) {
    network.lossAndGradient(weights, gradient, toBatch(batch), state);
    const [total] = await engine.read(network.loss);
    const loss = (total as number) / (5 * 10);
    const original = recorded.losses[index] as number;
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
      learningRate: recorded.opt.learning_rate,
      clipElement: recorded.opt.grad_clip,
      report,
    });
    const expected = [recorded.grad1, recorded.grad2][index];
    if (!expected || what === 'losses') continue;
    const values = toOriginalOrder(layout, await engine.read(gradient));
    assert.ok(largestDifference(values, expected) <= tolerance, `gradient ${index + 1}`);
  }
  if (what === 'losses') return;
  const parameters = toOriginalOrder(layout, await engine.read(weights));
  assert.ok(largestDifference(parameters, recorded.params_final) <= tolerance, 'final parameters');
}
