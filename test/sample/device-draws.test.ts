/** The option `draws`: which options it refuses, and how its texts are batched. Computed on the CPU; the shader has its own tests. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EngineDescription, Generate } from '../../src/engine/engine.ts';
import { ReferenceEngine } from '../../src/engine/reference/reference-engine.ts';
import { OptionError } from '../../src/errors.ts';
import { type GenerateInput, LanguageModel } from '../../src/index.ts';
import { madeCheckpoint } from '../checkpoint/made-checkpoint.ts';

const checkpoint = madeCheckpoint({ cell: 'lstm', layers: 1, hiddenSize: 12 });

/** An engine that says that it draws on a device, and draws as the host does. */
class DrawingEngine extends ReferenceEngine {
  override readonly description: EngineDescription;
  readonly calls: Generate[] = [];

  constructor() {
    super('float32');
    const known = new ReferenceEngine('float32').description;
    const deviceDrawControls = new Set(['temperature', 'logitBias'] as const);
    this.description = { ...known, capabilities: { ...known.capabilities, deviceDrawControls } };
  }

  override generate(call: Generate) {
    this.calls.push(call);
    return super.generate({ ...call, draws: 'host' });
  }
}

function setUp() {
  const engine = new DrawingEngine();
  const model = new LanguageModel(checkpoint, { makeEngine: async () => ({ engine, notice: undefined }) });
  return { engine, model };
}

async function textOf(model: LanguageModel, input: GenerateInput): Promise<string> {
  let text = '';
  for await (const piece of model.generate(input)) text += piece;
  return text;
}

test('an engine that draws only on the host refuses `draws`, and says which can draw on a device', async () => {
  const model = new LanguageModel(checkpoint, { engine: 'reference' });
  await assert.rejects(textOf(model, { draws: 'device', length: 5 }), {
    option: 'draws',
    reason: "got device, expected host: the reference engine can't draw on a device, but webgpu can",
  });
  assert.equal((await textOf(model, { draws: 'host', length: 5 })).length, 5);
  await model.close();
});

test('options that need the host are refused by name', async () => {
  const { model, engine } = setUp();
  for (const options of [
    ...[{ topK: 3 }, { topP: 0.5 }, { minP: 0.1 }, { typicalP: 0.5 }, { mirostat: 2 }],
    ...[{ repetitionPenalty: 1.1 }, { presencePenalty: 1 }, { frequencyPenalty: 1 }],
    ...[{ temperatureRange: 0.5 }, { match: 'a+' }, { template: 'a____' }, { beam: 2 }, { alternatives: 1 }],
  ] satisfies GenerateInput[]) {
    const [name] = Object.keys(options);
    await assert.rejects(
      textOf(model, { length: 5, ...options, draws: 'device' }),
      (error) =>
        error instanceof OptionError &&
        error.option === name &&
        error.reason ===
          'it cannot be combined with `draws` set to device, which applies only `temperature`, `ban`, `only` and `bias`',
    );
  }
  assert.equal(engine.calls.length, 0);
  await model.close();
});

test('the engine draws where a call wants it, with any ending, also in the same turn as other texts', async () => {
  const { model, engine } = setUp();
  const host = new LanguageModel(checkpoint, { engine: 'reference' });
  const inputs: GenerateInput[] = [
    { seed: 1, length: 40, temperature: 0.7 },
    { seed: 2, length: 70, bias: { a: 2 }, ban: 'b' },
    { seed: 3, length: 30, hold: '1.2=0.5' },
    { seed: 4, length: 50, stop: 'a' },
    { seed: 5, lines: 2 },
  ];
  const texts = await Promise.all([
    ...inputs.map((input) => textOf(model, { ...input, draws: 'device' })),
    ...inputs.map((input) => textOf(model, input)),
  ]);
  for (const [index, input] of inputs.entries()) {
    const expected = await textOf(host, input);
    assert.equal(texts[index], expected, `device, text ${index}`);
    assert.equal(texts[index + inputs.length], expected, `host, text ${index}`);
  }
  assert.deepEqual(new Set(engine.calls.map(({ draws }) => draws)), new Set(['device', 'host']));
  await model.close();
  await host.close();
});
