/** Threads that divide the units of the same sequences (native/kernels/sequences.h) give the bits of one thread. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CELL_KINDS, type CellKind, stateParts } from '../../src/engine/cells.ts';
import type { Backend } from '../../src/engine/cpu/backend.ts';
import { CpuEngine } from '../../src/engine/cpu/cpu-engine.ts';
import { nativeBackend, nativeVariants } from '../../src/engine/cpu/native.node.ts';
import { nodeWasmBackend } from '../../src/engine/cpu/wasm.node.ts';
import { hasFused } from '../../src/engine/cpu/wasm.ts';
import type { DrawControls, Engine, Generate, HeldUnit, Quantization } from '../../src/engine/engine.ts';
import type { Layout } from '../../src/engine/layout.ts';
import { RandomValues } from './random-values.ts';

const H = 300;
// 16 threads on a few processors often wait for long, so their crews are dissolved in the middle of a call. With a sanitizer, they would take
// hours.
const THREADS = process.env.CHAR_RNN_ADDON ? [1, 3] : [1, 2, 5, 16];

const PLAIN: DrawControls = {
  ...{ temperature: 1, topK: 0, topP: 1, minP: 0 },
  ...{ repetitionPenalty: 1, presencePenalty: 0, frequencyPenalty: 0 },
};
const CONTROLS: DrawControls = {
  ...{ temperature: 0.9, topK: 12, topP: 0.95, minP: 0.01 },
  ...{ repetitionPenalty: 1.2, presencePenalty: 0.1, frequencyPenalty: 0.1 },
};

interface Case {
  readonly kind: CellKind;
  readonly quantization: Quantization | undefined;
  /** With 600 tokens, threads divide the output, too; with 37, one of them computes it. */
  readonly V: number;
  readonly embeds: boolean;
}

const CASES: readonly Case[] = CELL_KINDS.flatMap((kind, index) =>
  [undefined, 'int8' as const].flatMap((quantization) =>
    [37, 600].map((V) => ({ kind, quantization, V, embeds: index === 0 })),
  ),
);

for (const one of CASES) {
  const { kind, quantization, V, embeds } = one;
  const name = [kind.cell, kind.reset && `reset ${kind.reset}`, quantization, embeds && 'an embedding'];
  test(`${name.filter(Boolean).join(', ')}, ${V} tokens: texts, predictions and states have the bits of one thread`, async (context) => {
    const [variant] = nativeVariants();
    if (!variant) return context.skip('no native engine');
    for (const N of [1, 9]) {
      const made: Backend[] = THREADS.map((threads) => nativeBackend({ variant, threads }));
      if (hasFused()) made.push((await nodeWasmBackend(2)).backend);
      let expected: unknown;
      for (const backend of made) {
        const engine = new CpuEngine(backend);
        const results = await written(engine, one, N);
        await engine.close();
        expected ??= results;
        assert.deepEqual(results, expected, `${N} sequences, ${backend.name}, ${backend.threads} threads`);
      }
    }
  });
}

/**
 * Reads prompts of different lengths, and draws with controls and held units and without. A call after one whose crew was dissolved has none,
 * so half of the cases draw first.
 */
async function written(engine: Engine, { kind, quantization, V, embeds }: Case, N: number) {
  const layer = { kind: 'recurrent', ...kind, hiddenSize: H } as const;
  const layout: Layout = [
    ...(embeds ? [{ kind: 'embedding', name: 'embedding', vocabularySize: V, outputSize: 40 } as const] : []),
    embeds
      ? { ...layer, name: 'layer 1', input: 'dense', inputSize: 40 }
      : { ...layer, name: 'layer 1', input: 'tokens', inputSize: V },
    { ...layer, name: 'layer 2', input: 'dense', inputSize: H },
    { kind: 'linear', name: 'decoder', inputSize: H, outputSize: V },
  ];
  const random = new RandomValues(engine, 4);
  const weights = engine.vector(layout, quantization);
  engine.write(weights, random.numbers(weights.size, 0.2));
  const states = [1, 2].map(() => engine.tensor('float', [stateParts(kind.cell), N + 1, H]));
  const slots = Int32Array.from({ length: N }, (_, n) => N - n);
  const output = engine.tensor('float', [N, V]);
  const call = { weights, states, slots, output };
  const steps = 12;
  // Sequence n begins with step n.
  const tokens = Int32Array.from({ length: steps * N }, (_, at) =>
    Math.floor(at / N) < at % N ? -1 : random.integer(V),
  );
  const hold: HeldUnit[] = [
    { layer: 0, part: kind.cell === 'lstm' ? 'c' : 'h', unit: 299, value: 0.7 },
    { layer: 1, part: 'h', unit: 16, value: -0.3 },
  ];
  const read = async () => {
    engine.readTokens({ ...call, tokens, hold });
    return [await engine.read(output)];
  };
  const draw = (length: number, rows: Generate['rows'][number], held: readonly HeldUnit[] = []) =>
    engine.generate({
      ...call,
      hold: held,
      uniforms: Float64Array.from({ length: length * N }, () => random.integer(2 ** 30) / 2 ** 30),
      rows: Array<typeof rows>(N).fill(rows),
    });
  const drawTwice = async () => [
    await draw(60, { controls: PLAIN }),
    await draw(30, { controls: CONTROLS }, hold),
  ];
  const texts =
    V === 37 ? [...(await read()), ...(await drawTwice())] : [...(await drawTwice()), ...(await read())];
  const after = [];
  for (const state of states) after.push(await engine.read(state));
  for (const handle of [weights, output, ...states]) engine.release(handle);
  return { texts, after };
}
