/** The contract suite on WebGPU, with both designs of the recurrent steps; and equal bits where the contract promises them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CELL_KINDS, stateParts } from '../../../src/engine/cells.ts';
import type { Engine, FloatArray, Tensor } from '../../../src/engine/engine.ts';
import { UPDATE_REPORT, UPDATE_REPORT_LENGTH } from '../../../src/engine/engine.ts';
import type { Layout } from '../../../src/engine/layout.ts';
import { runContract } from '../contract-suite.ts';
import { heldUnitsContract } from '../held-units-contract.ts';
import { inferenceContract } from '../inference-contract.ts';
import { operationsContract } from '../operations-contract.ts';
import { RandomValues } from '../random-values.ts';
import { recurrentBackwardContract } from '../recurrent-backward-contract.ts';
import { recurrentContract } from '../recurrent-contract.ts';
import { holdDevice, softwareEngine } from './engines.ts';
import { skipWithoutSoftwareGpu } from './software.ts';

/** Of the largest element, against float64. */
const TOLERANCE = 1e-5;

if (skipWithoutSoftwareGpu) test('the contract on WebGPU', { skip: skipWithoutSoftwareGpu }, () => {});
else {
  let release = () => {};
  before(async () => {
    release = await holdDevice();
  });
  after(() => release());

  const make = () => softwareEngine();
  runContract({ name: 'webgpu', make, tolerance: TOLERANCE }, [
    ...[
      operationsContract,
      inferenceContract,
      recurrentContract,
      recurrentBackwardContract,
      heldUnitsContract,
    ],
  ]);
  const rows = () => softwareEngine({ design: 'rows' });
  runContract({ name: 'webgpu, all steps in a dispatch', make: rows, tolerance: TOLERANCE }, [
    ...[recurrentContract, recurrentBackwardContract, heldUnitsContract],
  ]);

  for (const kind of CELL_KINDS) {
    const name = Object.values(kind).join(', ');
    test(`${name}: both designs, and any number of rows in a workgroup, give the same bits`, async () => {
      const expected = await layerBits(await softwareEngine({ design: 'steps' }), kind, 1);
      for (const tuning of [
        { design: 'steps', rows: 4 },
        { design: 'rows', rows: 1 },
        { design: 'rows', rows: 4 },
      ] as const)
        assert.deepEqual(
          await layerBits(await softwareEngine(tuning), kind, 1),
          expected,
          JSON.stringify(tuning),
        );
    });

    test(`${name}: what is left in working memory, even NaN, changes no bit`, async () => {
      const clean = await layerBits(await softwareEngine(), kind, 1);
      assert.ok(clean.flat().every(Number.isFinite));
      const engine = await softwareEngine();
      await layerBits(engine, kind, Number.NaN, false);
      assert.deepEqual(await layerBits(engine, kind, 1), clean);
    });
  }
}

/**
 * Outputs and gradients of a layer and a decoder, on values times `factor`.
 *
 * @param closes Whether to close the engine at the end.
 */
async function layerBits(
  engine: Engine,
  kind: (typeof CELL_KINDS)[number],
  factor: number,
  closes = true,
): Promise<number[][]> {
  const [T, B, D, H, V] = [4, 5, 7, 37, 9];
  const layout: Layout = [
    { kind: 'recurrent', name: 'layer', ...kind, input: 'dense', inputSize: D, hiddenSize: H },
    { kind: 'linear', name: 'decoder', inputSize: H, outputSize: V },
  ];
  const random = new RandomValues(engine, 3);
  const [weights, gradient] = [random.vector(layout), engine.vector(layout)];
  engine.write(
    weights,
    (await engine.read(weights)).map((value) => value * factor),
  );
  const input = random.floats([T, B, D]);
  const state = random.floats([stateParts(kind.cell), B, H]);
  const float = (...shape: readonly number[]) => engine.tensor('float', shape);
  const [output, final, logits, passed] = [
    float(T, B, H),
    float(...state.shape),
    float(T, B, V),
    float(T, B, H),
  ];
  const inputGradient = float(T, B, D);
  const dropout = { probability: 0.3, seed: 1, batch: 2, site: 3 };
  const layer = { weights, module: 0, input, dropout, output };
  // Once without a tape, in scratch memory.
  engine.recurrentForward({ ...layer, initial: state, final });
  const tape = engine.tape(layout, 0, T, B);
  engine.recurrentForward({ ...layer, initial: state, final, tape });
  engine.linearForward({ weights, module: 1, input: output, output: logits });
  const targets = random.integers([T, B], V);
  const loss = float(1 + T * B);
  engine.crossEntropy({ logits, targets, loss, gradient: logits });
  const decoder = { weights, module: 1, input: output, outputGradient: logits };
  engine.linearBackward({ ...decoder, gradient, inputGradient: passed });
  engine.recurrentBackward({ ...layer, tape, outputGradient: passed, gradient, inputGradient });
  const report = float(UPDATE_REPORT_LENGTH);
  const updated = {
    weights,
    gradient,
    moments: [engine.vector(layout)],
    steps: engine.tensor('int', [1]),
    report,
  };
  engine.update({
    ...updated,
    rule: { kind: 'rmsprop', alpha: 0.9, epsilon: 1e-8 },
    learningRate: 0.01,
    clipNorm: 0.5,
  });
  const tensors: readonly Tensor[] = [output, final, loss, inputGradient, report];
  const results = [
    ...(await Promise.all(tensors.map(async (tensor) => [...((await engine.read(tensor)) as FloatArray)]))),
    [...(await engine.read(gradient))],
    [...(await engine.read(weights))],
  ];
  if (Number.isNaN(factor)) assert.equal(results[4]?.[UPDATE_REPORT.applied], 0);
  if (closes) await engine.close();
  return results;
}
