/** The sequences of the WebGPU engine, on the operations of the reference engine. */
import type { Generate, ReadTokens, Step, Tensor } from '../../../src/engine/engine.ts';
import { logSumExp } from '../../../src/engine/reference/cross-entropy.ts';
import { floatsOf, intsOf } from '../../../src/engine/reference/handles.ts';
import { ReferenceEngine } from '../../../src/engine/reference/reference-engine.ts';
import { type SequenceOperations, SequenceRunner } from '../../../src/engine/webgpu/sequences.ts';
import { runContract } from '../contract-suite.ts';
import { operationsContract } from '../operations-contract.ts';

class SequencesEngine extends ReferenceEngine implements SequenceOperations {
  readonly #sequences: SequenceRunner;

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
  runContract({ name, make: () => new SequencesEngine(bytes), tolerance: 1e-13 }, [operationsContract]);
