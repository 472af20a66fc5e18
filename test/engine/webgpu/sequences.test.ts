/** The sequences of the WebGPU engine, on the operations of the reference engine. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Candidates, drawControlled } from '../../../src/engine/candidates.ts';
import {
  type Generate,
  NEUTRAL_CONTROLS,
  type ReadTokens,
  type Step,
  type Tensor,
} from '../../../src/engine/engine.ts';
import { logSumExp } from '../../../src/engine/reference/cross-entropy.ts';
import { floatsOf, intsOf } from '../../../src/engine/reference/handles.ts';
import { ReferenceEngine } from '../../../src/engine/reference/reference-engine.ts';
import type { DeviceDraw } from '../../../src/engine/webgpu/draw.ts';
import { type SequenceOperations, SequenceRunner } from '../../../src/engine/webgpu/sequences.ts';
import { MemoryError } from '../../../src/errors.ts';
import { layoutOf } from '../../../src/model/config.ts';
import { makeStates } from '../../../src/model/states.ts';
import { runContract } from '../contract-suite.ts';
import { inferenceContract } from '../inference-contract.ts';
import { operationsContract } from '../operations-contract.ts';
import { RandomValues } from '../random-values.ts';

class SequencesEngine extends ReferenceEngine implements SequenceOperations {
  readonly #sequences: SequenceRunner;
  /** The allocation from now on that fails, once. */
  failing = 0;
  readonly #released = new Set<unknown>();

  constructor(activationBytes?: number) {
    super('float64');
    this.#sequences = new SequenceRunner(this, activationBytes);
  }

  moveSlots(direction: 'gather' | 'scatter', slots: Tensor, state: Tensor, rows: Tensor) {
    const list = intsOf(slots).slice();
    const places = Int32Array.from(list.keys());
    if (direction === 'gather') this.copySlots(state, list, rows, places);
    else this.copySlots(rows, places, state, list);
  }

  logSoftmax(logits: Tensor, output: Tensor) {
    const [, N, V] = logits.shape as [number, number, number];
    const values = floatsOf(logits);
    const into = floatsOf(output);
    for (let row = 0; row < N; row++) {
      const normalizer = logSumExp(values, row * V, V);
      for (let v = row * V; v < (row + 1) * V; v++) into[v] = (values[v] as number) - normalizer;
    }
  }

  /** As the host draws. */
  drawTokens(call: DeviceDraw) {
    const [, V] = call.predictions.shape as [number, number];
    const [, N] = call.tokens.shape as [number, number];
    const temperatures = floatsOf(call.temperatures);
    const biases = call.biases && floatsOf(call.biases);
    for (let n = 0; n < N; n++) {
      const row = floatsOf(call.predictions).slice(n * V, (n + 1) * V);
      const logitBias = biases && Float64Array.from(biases.slice(n * V, (n + 1) * V));
      const controls = { ...NEUTRAL_CONTROLS, temperature: temperatures[n] as number, logitBias };
      const uniform = ((intsOf(call.uniforms)[call.step * N + n] as number) >>> 0) / 2 ** 32;
      const token = drawControlled(new Candidates(V), row, controls, undefined, uniform);
      intsOf(call.tokens)[n] = token;
      intsOf(call.drawn)[call.step * N + n] = token;
    }
  }

  override tensor(...words: Parameters<ReferenceEngine['tensor']>) {
    if (--this.failing === 0) throw new MemoryError('no memory is left');
    return super.tensor(...words);
  }

  override release(...words: Parameters<ReferenceEngine['release']>) {
    this.#released.add(words[0]);
    super.release(...words);
  }

  override tensorIn(...words: Parameters<ReferenceEngine['tensorIn']>) {
    if (this.#released.has(words[0])) throw new TypeError('this handle was released');
    return super.tensorIn(...words);
  }

  override step(call: Step) {
    this.#sequences.step(call);
  }

  override readTokens(call: ReadTokens) {
    this.#sequences.readTokens(call);
  }

  override generate(call: Generate) {
    return this.#sequences.generate(call);
  }
}

const SUBJECTS = [
  ['sequences', undefined],
  ['sequences, one step at a time', 1],
  ['sequences, a few steps at a time', 400],
] as const;
for (const [name, bytes] of SUBJECTS)
  runContract({ name, make: () => new SequencesEngine(bytes), tolerance: 1e-13 }, [
    operationsContract,
    inferenceContract,
  ]);

/** An engine with a model, and its calls: a prompt of one sequence, and steps of many. */
function setUp() {
  const engine = new SequencesEngine();
  const layout = layoutOf({ cell: 'lstm', layers: 2, hiddenSize: 64, vocabularySize: 10 });
  const weights = engine.vector(layout);
  engine.fill(weights, 0.1);
  const common = {
    ...{ weights, states: makeStates(engine, layout, 257), output: engine.tensor('float', [256, 10]) },
  };
  const slots = (count: number) => Int32Array.from({ length: count }, (_, slot) => slot + 1);
  const prompt = (length: number) =>
    engine.readTokens({ ...common, slots: slots(1), tokens: new Int32Array(length).fill(1) });
  const step = (N: number) => engine.step({ ...common, slots: slots(N), tokens: new Int32Array(N).fill(2) });
  return { engine, prompt, step };
}

test('a long prompt and then many sequences take the memory of the larger, not the product', () => {
  const { engine, prompt, step } = setUp();
  const before = engine.bytesInUse;
  prompt(4096);
  step(256);
  // Two activations of 8 MiB, tokens and states of 256 sequences.
  assert.ok(engine.bytesInUse - before < 20e6, `${engine.bytesInUse - before} bytes`);
});

test('after a failed allocation, smaller and larger calls work', () => {
  for (let nth = 1; nth <= 12; nth++) {
    const { engine, prompt, step } = setUp();
    step(2);
    engine.failing = nth;
    for (const call of [() => step(4), () => prompt(20), () => step(200)]) {
      try {
        call();
      } catch (error) {
        assert.ok(error instanceof MemoryError, String(error));
        step(1);
        call();
      }
    }
  }
});

test('draws on the device go through the same states as draws on the host', async () => {
  const results = await Promise.all(
    (['host', 'device'] as const).map(async (draws) => {
      const engine = new SequencesEngine();
      const layout = layoutOf({ cell: 'lstm', layers: 2, hiddenSize: 6, vocabularySize: 10 });
      const random = new RandomValues(engine, 5);
      const weights = random.vector(layout, 2);
      const states = makeStates(engine, layout, 5);
      const output = random.floats([4, 10], 3);
      const hold = [{ layer: 1, part: 'h', unit: 2, value: 0.7 }] as const;
      const logitBias = Float64Array.from({ length: 10 }, (_, v) =>
        v === 4 ? Number.NEGATIVE_INFINITY : v / 9,
      );
      const call = { weights, states, output, hold, slots: Int32Array.of(4, 0, 2), draws };
      const tokens: number[] = [];
      for (const steps of [7, 1, 3]) {
        const uniforms = random.numbers(3 * steps).map((value) => (value + 1) / 2);
        const rows = [0, 0.7, 1].map((temperature, n) => ({
          controls: { ...NEUTRAL_CONTROLS, temperature, ...(n > 0 && { logitBias }) },
        }));
        tokens.push(...(await engine.generate({ ...call, uniforms, rows })));
      }
      return { tokens, output: floatsOf(output), states: states.map(floatsOf) };
    }),
  );
  assert.deepEqual(results[1], results[0]);
  assert.ok(new Set(results[0]?.tokens).size > 3);
  assert.ok(!results[0]?.tokens.filter((_, i) => i % 3 > 0).includes(4));
});
