/** Prints, as JSON, the exact results of the native engine on this processor: trained parameters, sampled texts and scores. */
import { CpuEngine } from '../../src/engine/cpu/cpu-engine.ts';
import { nativeBackend } from '../../src/engine/cpu/native.node.ts';
import { LanguageModel } from '../../src/language-model.node.ts';
import { madeCheckpoint } from '../checkpoint/made-checkpoint.ts';
import { products, RANGES } from './bfloat16-products.ts';
import { bitsOf } from './exact-product.ts';
import { parametersAfter, TRAININGS } from './parameters-after.ts';

const variant = process.env.CHAR_RNN_ISA;
const ITERATIONS = 6;
const COMPUTES = ['bfloat16', 'bfloat16-amx'] as const;
const bits: Record<string, string> = {};
for (const [cell, optimizer] of TRAININGS) {
  // Emulated threads synchronise slowly, so only one cell is trained with two.
  const threads = cell === 'lstm' ? 2 : 1;
  const engine = new CpuEngine(nativeBackend({ variant, threads }));
  bits[`${cell}, training`] = await parametersAfter(engine, cell, optimizer, ITERATIONS);
  for (const compute of COMPUTES) {
    const other = new CpuEngine(nativeBackend({ variant, threads }));
    const trained = await parametersAfter(other, cell, optimizer, ITERATIONS, { compute });
    bits[`${cell}, training in ${compute}`] = trained;
  }
  for (const quantize of [undefined, 'int8'] as const) {
    const kind = quantize ? `${cell} in ${quantize}` : cell;
    const options = { engine: 'native', threads: 1, quantize } as const;
    const model = new LanguageModel(madeCheckpoint({ cell, hiddenSize: 33 }), options);
    for (const controls of [{}, { topK: 4, topP: 0.9, minP: 0.01, repetitionPenalty: 1.2 }]) {
      const texts = await model.generateAll({
        ...{ prompts: ['a', '\u20ac\n', ''], length: 100, seed: 3, temperature: 0.8 },
        ...controls,
      });
      bits[`${kind}, texts drawn with ${JSON.stringify(controls)}`] = JSON.stringify(texts);
    }
    const { bitsPerCharacter } = await model.score('a\u20ac\u00e9\na'.repeat(9));
    bits[`${kind}, score`] = String(bitsPerCharacter);
  }
}
for (const range of Object.keys(RANGES)) {
  for (const compute of COMPUTES) {
    const output = await products(new CpuEngine(nativeBackend({ variant, threads: 1 })), range, compute);
    bits[`${range} products in ${compute}`] = [...output]
      .map((x) => (Number.isNaN(x) ? 'NaN' : bitsOf(x)))
      .join(' ');
  }
}
const { instructions } = nativeBackend({ variant, threads: 1 });
console.log(JSON.stringify({ processor: process.arch, instructions, bits }));
