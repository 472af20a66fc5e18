/** Saliency against scores of changed texts and against finite differences. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { CELL_KINDS } from '../../src/engine/cells.ts';
import type { FloatArray } from '../../src/engine/engine.ts';
import { ReferenceEngine } from '../../src/engine/reference/reference-engine.ts';
import { OptionError } from '../../src/errors.ts';
import { LanguageModel } from '../../src/index.ts';
import { layoutOf, type ModelConfig } from '../../src/model/config.ts';
import { makeStates } from '../../src/model/states.ts';
import { madeCheckpoint } from '../checkpoint/made-checkpoint.ts';
import { largestDifference } from '../compare.ts';

const vocabulary = new Vocabulary({
  kind: 'character',
  normalize: 'none',
  symbols: [...'\n abcde'],
  hasUnknown: false,
});
const text = 'abc de\nbad cab edced a bee\nade dab cede abbe dead ace bed';
const POSITION = 40;
const BACK = 12;

const modelOf = (change: Partial<ModelConfig> = {}) =>
  new LanguageModel(madeCheckpoint({ vocabulary, hiddenSize: 6, precision: 'float64', ...change }), {
    engine: 'reference',
  });

test('occlusion is the change of the loss when one symbol is replaced', async () => {
  const model = modelOf();
  const { from, values } = await model.saliency(text, POSITION, { back: BACK });
  assert.equal(from, POSITION - BACK);
  const lossOf = async (changed: string) => (await model.score(changed)).losses[POSITION] as number;
  const whole = await lossOf(text);
  for (let i = 0; i < BACK; i++) {
    const at = from + i;
    const other = text[at] === ' ' ? '\n' : ' ';
    const changed = text.slice(0, at) + other + text.slice(at + 1);
    const expected = (await lossOf(changed)) - whole;
    assert.ok(Math.abs((values[i] as number) - expected) < 1e-6, `${i}: ${values[i]}, expected ${expected}`);
  }
  await model.close();
});

test('context is the loss of a model that has read only the last symbols', async () => {
  const model = modelOf({ cell: 'lstm' });
  const { values } = await model.saliency(text, POSITION, { back: BACK, method: 'context' });
  for (let i = 0; i < BACK; i++) {
    const { losses } = await model.score(text.slice(POSITION - BACK + i, POSITION + 1));
    assert.ok(Math.abs((values[i] as number) - (losses.at(-1) as number)) < 1e-6, `${i}`);
  }
  await model.close();
});

test('a long way back is read in pieces of time: the same values as from nearer', async () => {
  const symbols = Array.from({ length: 150 }, (_, index) => String.fromCharCode(0x4e00 + index));
  const many = new Vocabulary({ kind: 'character', normalize: 'none', symbols, hasUnknown: false });
  const long = Array.from({ length: 800 }, (_, at) => symbols[(at * at + 3 * at) % 150]).join('');
  const model = new LanguageModel(madeCheckpoint({ vocabulary: many, hiddenSize: 6 }), { threads: 1 });
  for (const method of ['occlusion', 'context'] as const) {
    const far = await model.saliency(long, 790, { back: 700, method });
    const near = await model.saliency(long, 790, { back: 60, method });
    assert.deepEqual([far.from, far.values.length, near.from], [90, 700, 730]);
    assert.ok(largestDifference([...far.values.slice(-60)], [...near.values]) < 1e-5, method);
  }
  await model.close();
});

for (const kind of CELL_KINDS)
  for (const embeddingSize of [undefined, 3])
    test(`${Object.values(kind).join(', ')}${embeddingSize ? ', embedding' : ''}: the gradient equals finite differences`, async () => {
      const checkpoint = madeCheckpoint({
        ...{ vocabulary, hiddenSize: 5, layers: 2, precision: 'float64', ...kind },
        ...(embeddingSize && { embeddingSize }),
      });
      const model = new LanguageModel(checkpoint, { engine: 'reference' });
      const { values } = await model.saliency(text, BACK, { back: BACK, method: 'gradient' });
      await model.close();
      const loss = await lossOfInputs(checkpoint);
      const D = embeddingSize ?? vocabulary.size;
      const inputs = loss.inputs.slice();
      for (const step of [0, 5, BACK - 1]) {
        const slopes = [];
        for (let d = 0; d < D; d++) {
          const at = step * D + d;
          const [above, below] = [1e-5, -1e-5].map((change) => {
            const changed = inputs.slice();
            changed[at] = (changed[at] as number) + change;
            return loss.of(changed);
          }) as [Promise<number>, Promise<number>];
          slopes.push(((await above) - (await below)) / 2e-5);
        }
        assert.ok(
          largestDifference([values[step] as number], [Math.hypot(...slopes)]) < 1e-5,
          `step ${step}`,
        );
      }
    });

/** The loss of the symbol at `BACK` as a function of the first layer's dense inputs, and these inputs. */
async function lossOfInputs({ config, parameters }: ReturnType<typeof madeCheckpoint>) {
  const engine = new ReferenceEngine('float64');
  const layout = layoutOf(config).map((module) =>
    module.kind === 'recurrent' ? { ...module, input: 'dense' as const } : module,
  );
  const weights = engine.vector(layout);
  engine.write(weights, parameters);
  const tokens = Array.from(text, (symbol) => vocabulary.tokenOf(symbol) as number);
  const first = config.embeddingSize === undefined ? 0 : 1;
  const D = config.embeddingSize ?? config.vocabularySize;
  const inputs = new Float64Array(BACK * D);
  for (let step = 0; step < BACK; step++) {
    const token = tokens[step] as number;
    if (first === 0) inputs[step * D + token] = 1;
    else inputs.set(parameters.subarray(token * D, (token + 1) * D), step * D);
  }
  return {
    inputs,
    async of(values: Float64Array): Promise<number> {
      let input = engine.tensor('float', [BACK, 1, D]);
      engine.write(input, values);
      for (const [index, state] of makeStates(engine, layout, 1).entries()) {
        const output = engine.tensor('float', [BACK, 1, config.hiddenSize]);
        engine.recurrentForward({
          weights,
          module: first + index,
          input,
          initial: state,
          final: state,
          output,
        });
        input = output;
      }
      const logits = engine.tensor('float', [BACK, 1, config.vocabularySize]);
      engine.linearForward({ weights, module: layout.length - 1, input, output: logits });
      const targets = engine.tensor('int', [BACK, 1]);
      engine.write(targets, tokens.slice(1, BACK + 1));
      const loss = engine.tensor('float', [1 + BACK]);
      engine.crossEntropy({ logits, targets, loss });
      return ((await engine.read(loss)) as FloatArray)[BACK] as number;
    },
  };
}

test('positions without a prediction and other wrong input are errors', async () => {
  const model = modelOf();
  for (const position of [0, -1, 1.5, text.length])
    await assert.rejects(
      model.saliency(text, position),
      /position: got .*, expected a symbol with another before it/,
    );
  await assert.rejects(model.saliency(text, 3, { back: 0 }), OptionError);
  await assert.rejects(
    model.saliency(text, 3, { method: 'guess' as 'context' }),
    /occlusion, gradient, context/,
  );
  assert.equal((await model.saliency(text, 1)).values.length, 1);
  await model.close();
});
