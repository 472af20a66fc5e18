/**
 * Commands of an engine in which one or two numbers, buffers or elements of an array are changed. They are refused, or stay within their
 * buffers: with sanitizers (`npm run test:sanitize`), a kernel that leaves one ends the process.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CELL_KINDS, type CellKind, stateParts } from '../../src/engine/cells.ts';
import type { Backend, BackendArray } from '../../src/engine/cpu/backend.ts';
import { type BufferId, MAX_NUMBERS, MODULE_FIELDS, OPERATIONS } from '../../src/engine/cpu/calls.ts';
import { CpuEngine } from '../../src/engine/cpu/cpu-engine.ts';
import { nativeBackend, nativeVariants } from '../../src/engine/cpu/native.node.ts';
import { nodeWasmBackend } from '../../src/engine/cpu/wasm.node.ts';
import { type Compute, type Engine, NEUTRAL_CONTROLS } from '../../src/engine/engine.ts';
import { layoutOf } from '../../src/model/config.ts';
import { Network } from '../../src/model/network.ts';
import { RandomValues } from './random-values.ts';

/** Vocabulary, hidden units, embedding, sequences. */
const [V, H, D, N] = [7, 20, 5, 3];

interface Case {
  readonly kind: CellKind;
  readonly embeds: boolean;
  readonly compute: Compute | 'int8';
}

const configOf = ({ kind, embeds }: Case) => ({
  ...{ ...kind, layers: 2, hiddenSize: H, vocabularySize: V },
  ...(embeds && { embeddingSize: D }),
});

/** Reads two tokens of three sequences and draws four, with penalties, a bias and a held unit. */
async function write(engine: Engine, own: Case, random: RandomValues): Promise<void> {
  const layout = layoutOf(configOf(own));
  const weights = engine.vector(layout, own.compute === 'int8' ? 'int8' : undefined);
  engine.write(weights, random.numbers(weights.size, 0.5));
  const state = () => engine.tensor('float', [stateParts(own.kind.cell), N, H]);
  const [first, second] = [state(), state()];
  const slots = Int32Array.of(0, 2, 1);
  const hold = [{ layer: 1, part: 'h', unit: 17, value: 0.5 }] as const;
  const call = { weights, states: [first, second], slots, output: engine.tensor('float', [N, V]), hold };
  engine.readTokens({ ...call, tokens: Int32Array.from({ length: 2 * N }, () => random.integer(V)) });
  const window = { counts: new Int32Array(V).fill(1), length: 3, expiring: Int32Array.of(1, 2, 3) };
  const rows = [
    { controls: { ...NEUTRAL_CONTROLS, topK: 2 }, window },
    { controls: NEUTRAL_CONTROLS },
    { controls: { ...NEUTRAL_CONTROLS, logitBias: new Float64Array(V) } },
  ];
  await engine.generate({ ...call, uniforms: new Float64Array(4 * N).fill(0.5), rows });
  engine.copySlots(first, slots, second, slots);
  await engine.read(second);
}

/** An iteration of training. */
function train(engine: Engine, own: Case, random: RandomValues): void {
  const shape = { batchSize: N, sequenceLength: 3 };
  const compute = own.compute === 'int8' ? 'float32' : own.compute;
  const network = new Network(engine, configOf(own), shape, 'training', compute);
  const [weights, gradient] = [random.vector(network.layout), random.vector(network.layout)];
  const tokens = () => Int32Array.from({ length: 3 * N }, () => random.integer(V));
  const batch = { inputs: tokens(), targets: tokens() };
  network.lossAndGradient(weights, gradient, batch, network.makeState());
  engine.update({
    ...{ weights, gradient, loss: network.loss, learningRate: 0.1 },
    moments: [engine.vector(network.layout), engine.vector(network.layout)],
    ...{ report: engine.tensor('float', [5]), steps: engine.tensor('int', [1]) },
    rule: { kind: 'adam', beta1: 0.9, beta2: 0.9, epsilon: 1e-8 },
  });
  engine.average(weights, gradient, 0.1);
}

/** The commands of a case, and the arrays of ints and doubles that were written. All buffers stay allocated. */
async function recorded(backend: Backend, own: Case) {
  const commands: Float64Array[] = [];
  const arrays = new Map<BufferId, BackendArray>();
  const engine = new CpuEngine({
    ...{ name: backend.name, instructions: backend.instructions, threads: backend.threads },
    ...{ exactBits: backend.exactBits, bfloat16: backend.bfloat16, overhead: backend.overhead },
    allocate: (bytes) => backend.allocate(bytes),
    release: () => {},
    submit(command, small) {
      commands.push(command.slice());
      backend.submit(command, small);
    },
    write(buffer, offset, values) {
      const isChanged = values instanceof Int32Array || values instanceof Float64Array;
      if (offset === 0 && isChanged) arrays.set(buffer, values.slice());
      backend.write(buffer, offset, values);
    },
    read: (buffer, offset, into) => backend.read(buffer, offset, into),
    close: () => backend.close(),
  });
  const random = new RandomValues(engine, 5);
  await write(engine, own, random);
  if (own.compute !== 'int8') train(engine, own, random);
  await backend.read(backend.allocate(4), 0, new Float32Array(1));
  return { commands, arrays };
}

/** Why a command is refused; undefined if it is not. */
async function refusal(
  backend: Backend,
  command: Float64Array,
  probe: BufferId,
): Promise<string | undefined> {
  backend.submit(command, false);
  try {
    await backend.read(probe, 0, new Float32Array(1));
    return undefined;
  } catch (error) {
    const [, reason] = /refused a call: (.+)$/.exec((error as Error).message) ?? [];
    if (!reason) throw error;
    return reason;
  }
}

/** Numbers near `x`, and others that are no size. */
const numbersNear = (x: number) => [
  ...[x + 1, x - 1, x + 16, 2 * x, 0, 1, 2, 33, 1000, 2 ** 20, 2 ** 31 - 80],
  ...[2 ** 40, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY],
];

const variants = nativeVariants();
const backends: [string, () => Promise<Backend>][] = [
  ...variants.map((variant): [string, () => Promise<Backend>] => [
    `native, ${variant}`,
    async () => nativeBackend({ variant, threads: 2 }),
  ]),
  ['wasm', async () => (await nodeWasmBackend(2)).backend],
];
const cases = CELL_KINDS.flatMap((kind) =>
  (['float32', 'int8', 'bfloat16', 'bfloat16-amx'] as const).map(
    (compute, index): Case => ({ kind, compute, embeds: index % 2 === 1 }),
  ),
);
/** Changed commands for each command of a case. */
const TRIALS = 6;

for (const [name, make] of backends) {
  test(`${name}: commands that are changed a little are refused, or stay within their buffers`, async () => {
    const counts = { done: 0, refused: 0 };
    const backend = await make();
    for (const own of cases) {
      if (own.compute.startsWith('bfloat16') && !backend.bfloat16) continue;
      const { commands, arrays } = await recorded(backend, own);
      const random = new RandomValues(new CpuEngine(backend), 6);
      const oneOf = <T>(values: readonly T[]) => values[random.integer(values.length)] as T;
      const [probe, tiny] = [backend.allocate(64), backend.allocate(8)];
      for (const command of commands) {
        for (let trial = 0; trial < TRIALS; trial++) {
          const changed = command.slice();
          const restored: [BufferId, BackendArray][] = [];
          const buffers = [...changed.keys()].filter((at) => at > MAX_NUMBERS && changed[at] !== 0);
          for (let change = 0; change <= trial % 2; change++) {
            const at = oneOf(buffers);
            const array = arrays.get(changed[at] as BufferId);
            const kind = random.integer(4);
            if (kind === 0) {
              changed[at] = oneOf([0, tiny]);
            } else if (kind === 1 && array) {
              const other = array.slice();
              const index = random.integer(other.length);
              other[index] = oneOf(numbersNear(other[index] as number));
              backend.write(changed[at] as BufferId, 0, other);
              restored.push([changed[at] as BufferId, array]);
            } else {
              const index = 1 + random.integer(12);
              changed[index] = oneOf(numbersNear(changed[index] as number));
            }
          }
          counts[(await refusal(backend, changed, probe)) ? 'refused' : 'done']++;
          for (const [buffer, array] of restored) backend.write(buffer, 0, array);
        }
      }
    }
    await backend.close();
    // Both happen often: a change may not matter, and most that do are found.
    assert.ok(counts.done > 100 && counts.refused > 100, JSON.stringify(counts));
  });

  test(`${name}: a network whose modules do not fit together is refused`, async () => {
    const backend = await make();
    const own = { kind: { cell: 'lstm' }, embeds: true, compute: 'float32' } as const;
    const { commands, arrays } = await recorded(backend, own);
    const command = commands.find(([operation]) => operation === OPERATIONS.indexOf('generate'));
    assert.ok(command);
    const probe = backend.allocate(64);
    assert.equal(await refusal(backend, command, probe), undefined);
    const program = command[1 + MAX_NUMBERS + 1] as BufferId;
    const numbers = arrays.get(program) as Float64Array;
    /** [module, index of the number in ModuleNumbers, value]: kind, cell, reset after, tokens, D, H … */
    const changes: [string, RegExp, ...(readonly [number, number, number])[]][] = [
      ['a layer with another input', /widths of adjacent modules/, [1, 4, 16]],
      [
        'a linear map with another input, as if of tokens',
        /widths of adjacent modules/,
        [3, 3, 1],
        [3, 4, 64],
      ],
      ['a linear map first', /widths of adjacent modules/, [0, 0, 2]],
      ['a linear map to more than the vocabulary', /does not end in a linear map/, [3, 5, 16]],
      ['an embedding of fewer tokens', /vocabularies/, [0, 4, V - 1]],
    ];
    for (const [what, reason, ...places] of changes) {
      const other = numbers.slice();
      for (const [module, index, value] of places) other[module * MODULE_FIELDS + index] = value;
      backend.write(program, 0, other);
      assert.match((await refusal(backend, command, probe)) ?? 'not refused', reason, what);
    }
    backend.write(program, 0, numbers);
    const shorter = command.slice();
    // Without the linear map.
    shorter[1 + 3] = 3;
    assert.match((await refusal(backend, shorter, probe)) ?? 'not refused', /does not end in a linear map/);
    await backend.close();
  });
}
