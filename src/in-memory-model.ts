/** A trained model in memory: generate, score, inspect. `LanguageModel` also has files. Runs in Node and in a page. */
import * as z from 'zod/mini';
import { type Checkpoint, withMethods } from './checkpoint/checkpoint.ts';
import { engineText, modelNumbers } from './checkpoint/quantization.ts';
import { inType } from './checkpoint/tensors/tensors.ts';
import type { Content } from './data/symbols/tokenizer.ts';
import { MemoryTokens } from './data/tokens/memory-tokens.ts';
import type { Vocabulary } from './data/vocabulary.ts';
import type { Quantization } from './engine/engine.ts';
import { parameterCount } from './engine/layout.ts';
import { engineOption, gpuOption, precisionOption, quantizeOption, threadsOption } from './engine/options.ts';
import { floatArrayType } from './engine/precision.ts';
import { type MakeEngine, makePortableEngine } from './engine/select.ts';
import { OptionError, TextError } from './errors.ts';
import type { UnitLabel } from './inspect/label-units.ts';
import type { LabelUnitsInput, SaliencyInput, StatesInput } from './inspect/options.ts';
import type { Saliency } from './inspect/saliency.ts';
import type { UnitStates } from './inspect/unit-states.ts';
import { layoutOf, type ModelConfig } from './model/config.ts';
import { atTemperature } from './model/temperature.ts';
import { type LoadedModel, ModelEngine, type PoolLimits } from './model-engine.ts';
import {
  completeText,
  type GeneratingModel,
  generateAll,
  generatePieces,
  generateSamplePieces,
  generateSamples,
  generateText,
  openStream,
} from './sample/generate.ts';
import type {
  CompleteInput,
  GenerateAllInput,
  GenerateInput,
  SamplePiecesInput,
  SamplesInput,
} from './sample/generate-input.ts';
import { detailsOptionsSchema } from './sample/options.ts';
import type { SequencePool } from './sample/pool/pool.ts';
import { encodePrompt } from './sample/prompt.ts';
import type { Sample, SamplePiece } from './sample/samples.ts';
import type { LikelyWords } from './sample/search/likely-words.ts';
import type { StreamInput, TextStream } from './sample/text-stream.ts';
import type { TextPiece } from './sample/writer.ts';
import { fitTemperature, type TemperatureFit, textToPredict } from './score/fit-temperature.ts';
import { meanSquareGradient } from './score/mean-square.ts';
import {
  checkScoreOptions,
  checkTextScoreOptions,
  type ScoreInput,
  type ScoreOptions,
  type StatisticsInput,
  type TemperatureInput,
} from './score/options.ts';
import { scoreText, type TextScore, tooShort } from './score/score-text.ts';
import { checkContent } from './util/check-content.ts';
import { checkOptions, type Given } from './util/check-options.ts';

export const modelOptionsSchema = z.strictObject({
  engine: engineOption(),
  gpu: gpuOption(),
  threads: threadsOption(),
  precision: precisionOption(),
  quantize: quantizeOption(),
});

type ModelOptions = z.output<typeof modelOptionsSchema>;

/**
 * Default: the fastest engine that works on the CPU, as many threads as this process may use, the checkpoint's precision, and int8 weights
 * if the checkpoint's file has them and the engine can use them. States, saliency and dynamic evaluation compute with floats.
 */
export interface ModelInput extends Given<ModelOptions> {
  /** Called with the reason if the fastest engine does not work here and another one is used. */
  readonly onNotice?: ((message: string) => void) | undefined;
  /** Makes the engine. Default: the fastest one that works here, of those that the package's entry point includes. */
  readonly makeEngine?: MakeEngine | undefined;
}

/** Loaded only when it is needed. */
const inspection = () => import('./inspect/inspect-model.ts');

const NO_MEAN_SQUARE =
  'the model has no statistics of its training text, so dynamic evaluation uses a running mean square; with statistics, models that were trained for a long time gain more: `withMeanSquare` measures them';

/**
 * A model's engine and weights, for modules of this package that call the engine themselves, such as the server. Closing the model closes
 * the engine.
 */
export let loadedModel: (model: InMemoryModel) => Promise<LoadedModel>;

/** A separate pool on a model's engine, with its own limits. Closing the model closes it too. */
export let openPool: (model: InMemoryModel, limits: PoolLimits) => Promise<SequencePool>;

/**
 * A trained model. Its engine is made when it is first needed, so every method that computes may throw an UnsupportedError if the requested
 * engine can't work here, an EngineLostError if the engine is lost, and a UsageError after `close`. After a lost engine, the next call
 * makes a new one.
 */
export class InMemoryModel {
  readonly checkpoint: Checkpoint;
  readonly #options: ModelOptions;
  readonly #quantization: Quantization | undefined;
  readonly #engine: ModelEngine;
  readonly #generating: GeneratingModel;

  static {
    loadedModel = (model) => model.#engine.load();
    openPool = (model, limits) => model.#engine.openPool(limits);
  }

  /**
   * @param checkpoint From an event of `train`, or a structured clone of it, or from another model.
   * @throws {OptionError} for an invalid option
   */
  constructor(checkpoint: Checkpoint, input: ModelInput = {}) {
    const { makeEngine = makePortableEngine, onNotice = () => {}, ...options } = input;
    this.#options = checkOptions(modelOptionsSchema, options);
    this.checkpoint = withMethods(checkpoint);
    const { quantization, choice } = modelNumbers(checkpoint, this.#options);
    this.#quantization = quantization;
    const { quantize: _, precision: __, ...engineOptions } = this.#options;
    this.#engine = new ModelEngine({
      ...{ checkpoint: this.checkpoint, quantization, onNotice },
      makeEngine: () => makeEngine({ ...engineOptions, ...choice }),
    });
    const { config, vocabulary } = this.checkpoint;
    this.#generating = { config, vocabulary, pool: () => this.#engine.pool() };
  }

  get config(): ModelConfig {
    return this.checkpoint.config;
  }

  get vocabulary(): Vocabulary {
    return this.checkpoint.vocabulary;
  }

  /** How the engine stores the weights, if it can: int8, or undefined for floats. */
  get quantization(): Quantization | undefined {
    return this.#quantization;
  }

  get parameterCount(): number {
    return parameterCount(layoutOf(this.config));
  }

  /** Describes the engine in one line. */
  async describeEngine(): Promise<string> {
    const { engine, weights } = await this.#engine.load();
    return engineText(engine, weights.quantization);
  }

  /**
   * Generates text that continues the prompt. Each piece is some symbols long and never ends within a character.
   *
   * @throws {OptionError} for an invalid option
   * @throws {TextError} `text-unknown-character` if the prompt contains a character that the model does not know
   */
  generate(input: GenerateInput = {}): AsyncGenerator<string, void, void> {
    return generateText(this.#generating, input);
  }

  /**
   * Like `generate`, but yields bytes: complete UTF-8 characters, except that a model over bytes may write invalid UTF-8. The last piece
   * of a text says why the text ended. With `alternatives`, pieces have the model's prediction for each symbol. With `prompts`, all texts
   * are generated together, and each piece has the index of its text.
   */
  generatePieces(input: GenerateInput | GenerateAllInput = {}): AsyncGenerator<TextPiece, void, void> {
    return generatePieces(this.#generating, input);
  }

  /**
   * Generates one text for each prompt, all in one batch, which is much faster than one after the other.
   *
   * Text k has the seed `sequenceSeed(seed, k)` (sample/sequence-seed.ts), so text 0 is the one that `generate` writes. With a beam search,
   * equal prompts get the best texts of one search, the best first.
   */
  generateAll(input: GenerateAllInput): Promise<string[]> {
    return generateAll(this.#generating, input);
  }

  /**
   * Samples several continuations of one prompt, in the order of their seeds: sample k has the seed `sequenceSeed(seed, k)`. Samples that
   * are not unique or not novel are left out. There are fewer than `count` if the attempts, or the `seconds` for all of them, run out.
   */
  samples(input: SamplesInput = {}): AsyncGenerator<Sample, void, void> {
    return generateSamples(this.#generating, input);
  }

  /**
   * Like `samples` without `unique` and `novel`, but yields each sample in pieces, one sample after the other. The last piece of a sample
   * has its `ending`.
   */
  samplePieces(input: SamplePiecesInput = {}): AsyncGenerator<SamplePiece, void, void> {
    return generateSamplePieces(this.#generating, input);
  }

  /**
   * Opens a text that the model reads and writes in turns: `feed` reads, `next` writes a character, and the state is kept in between.
   * It uses memory of the engine until it is closed.
   *
   * @throws {OptionError} for an invalid option
   */
  stream(input: StreamInput = {}): TextStream {
    return openStream(this.#generating, input);
  }

  /**
   * Measures how well the model predicts a text, as a whole and for each symbol, starting from the zero state. With `dynamic`, also how
   * well it predicts the text if it learns from it while reading.
   *
   * @throws {OptionError} for an invalid option
   * @throws {TextError} `text-unknown-character`; `text-too-short` for fewer than two symbols
   * @throws {MemoryError} if the details that `alternatives` asks for would need more than 1 GiB
   */
  async score(text: Content, input: ScoreInput = {}): Promise<TextScore> {
    const { signal, onNotice, alternatives: wanted, ...rest } = input;
    const { alternatives } = checkOptions(detailsOptionsSchema, { alternatives: wanted });
    const { rows, unknown, temperature, dynamic, dynamicRate } = checkTextScoreOptions(rest);
    const tokens = this.#tokensOf(text, unknown, onNotice);
    if (dynamic && this.#options.quantize === 'int8')
      throw new OptionError(
        'dynamic',
        'got true, but dynamic evaluation changes the weights, and `quantize` is int8',
      );
    const { engine, quantization } = await this.#loadQuantized();
    const { config, vocabulary } = this;
    const { parameters, meanSquare } = atTemperature(this.checkpoint, temperature);
    if (dynamic && !meanSquare) onNotice?.(NO_MEAN_SQUARE);
    return scoreText({
      ...{ engine, config, parameters, quantization, vocabulary, tokens, rows, alternatives, signal },
      ...(dynamic && { dynamic: { meanSquare, learningRate: dynamicRate } }),
    });
  }

  /**
   * Finds the temperature at which the model predicts a text best. A model that is too sure of itself has one above 1. The model stays as
   * it is: pass the temperature to `score` or `generate`.
   *
   * @param text A text that the model was not trained on, and not the one whose loss you report.
   * @throws {TextError} `text-unknown-character`; `text-too-short` for fewer than two symbols
   */
  async fitTemperature(text: Content, input: TemperatureInput = {}): Promise<TemperatureFit> {
    const { signal, onNotice, onProgress, ...rest } = input;
    const { rows, unknown } = checkScoreOptions(rest);
    const tokens = this.#tokensOf(text, unknown, onNotice);
    if (tokens.length < 2) throw tooShort('the text', tokens.length);
    const { engine, quantization } = await this.#loadQuantized();
    const { config } = this;
    const { parameters } = this.checkpoint;
    return await fitTemperature({
      ...{ engine, config, parameters, quantization, signal },
      text: textToPredict(tokens, rows),
      onProgress: (done, all) => onProgress?.(done / all),
    });
  }

  /**
   * The checkpoint, with statistics of its training text that improve dynamic evaluation: `new LanguageModel(checkpoint)` and files that it
   * saves have them. This takes about as long as training on 128,000 characters.
   *
   * @param text The text that the model was trained on.
   * @throws {TextError} `text-unknown-character`; `text-too-short` for fewer than 20 symbols
   */
  async withMeanSquare(text: Content, input: StatisticsInput = {}): Promise<Checkpoint> {
    const { signal, onNotice, onProgress, ...rest } = input;
    const { unknown } = checkScoreOptions(rest);
    const tokens = new MemoryTokens(this.#tokensOf(text, unknown, onNotice));
    const { engine } = await this.#engine.load();
    const { config } = this;
    const { parameters, precision } = this.checkpoint;
    const source = { tokens, offset: 0, length: tokens.length };
    const squares = await meanSquareGradient({
      ...{ engine, config, parameters, text: source, name: 'the text', signal },
      onProgress: (done, all) => onProgress?.(done / all),
    });
    return { ...this.checkpoint, meanSquare: inType(squares, floatArrayType(precision)) };
  }

  /**
   * Records what the units do while the model reads a text: h, c and the gates of each layer, after each symbol.
   *
   * @throws {OptionError} for a layer or part that the model does not have
   * @throws {TextError} `text-unknown-character`; `text-too-short` for an empty text
   * @throws {MemoryError} if the values would need more than 1 GiB
   */
  async states(text: Content, input: StatesInput = {}): Promise<UnitStates> {
    const read = await this.#readText(text, input);
    return (await inspection()).statesOf(read, input);
  }

  /**
   * Finds units that track something in a text, such as quotes, brackets or the position in the line: those whose h correlates with a
   * detector clearly more than any unit of the same network before training. Two to five thousand symbols are enough.
   *
   * @returns all units; first those with a label, by descending correlation
   * @throws {OptionError} for a layer or part that the model does not have
   * @throws {TextError} `text-unknown-character`; `text-too-short` for an empty text
   */
  async labelUnits(text: Content, input: LabelUnitsInput = {}): Promise<UnitLabel[]> {
    const read = await this.#readText(text, input);
    return (await inspection()).labelsOf(read, input);
  }

  /**
   * Measures how much each earlier symbol of a text affects the loss of one.
   *
   * @param position Index of that symbol among the symbols of the text, as in `score(text).symbols`.
   * @throws {OptionError} for a position that has no prediction, or another invalid option
   */
  async saliency(text: Content, position: number, input: SaliencyInput = {}): Promise<Saliency> {
    const read = await this.#readText(text, input);
    return (await inspection()).saliencyOf(read, position, input);
  }

  async #readText(text: Content, { unknown, onNotice }: Pick<StatesInput, 'unknown' | 'onNotice'>) {
    const tokens = this.#tokensOf(text, checkScoreOptions({ unknown }).unknown, onNotice);
    if (tokens.length === 0)
      throw new TextError('text-too-short', 'the text has no characters: nothing to read.');
    const { engine } = await this.#engine.load();
    return { engine, checkpoint: this.checkpoint, tokens };
  }

  /** The tokens of a text to read. */
  #tokensOf(
    text: Content,
    unknown: ScoreOptions['unknown'],
    onNotice: ((message: string) => void) | undefined,
  ): Int32Array {
    checkContent('text', text);
    const encoded = encodePrompt(this.vocabulary, text, unknown, 'text');
    for (const notice of encoded.notices) onNotice?.(notice);
    return Int32Array.from(encoded.tokens);
  }

  /**
   * Finds the most likely words after a text. If the text ends within a word, they are the rest of that word.
   *
   * @throws {TextError} `text-empty` for an empty text; `text-unknown-character`
   */
  complete(text: Content, input: CompleteInput = {}): Promise<LikelyWords> {
    return completeText(this.#generating, text, input);
  }

  /** Frees the memory. The model can't be used afterwards. */
  async close(): Promise<void> {
    await this.#engine.close();
  }

  /** The engine, and how it stores the weights. */
  async #loadQuantized() {
    const { engine, weights } = await this.#engine.load();
    return { engine, quantization: weights.quantization };
  }
}
