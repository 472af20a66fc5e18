/** A trained model to use: load, generate, score. Runs in Node and in a page. */
import * as z from 'zod/mini';
import { type Checkpoint, withMethods } from './checkpoint/checkpoint.ts';
import { bytesSource } from './checkpoint/safetensors/byte-source.ts';
import type { Content } from './data/symbols/tokenizer.ts';
import type { Vocabulary } from './data/vocabulary.ts';
import type { Engine, Vector } from './engine/engine.ts';
import { parameterCount } from './engine/layout.ts';
import { engineOption, precisionOption, threadsOption } from './engine/options.ts';
import { type MakeEngine, makePortableEngine } from './engine/select.ts';
import { OptionError, TextError, UsageError } from './errors.ts';
import { EXPORT_FORMATS, type ExportFormat, exportCheckpoint } from './formats/export.ts';
import { openCheckpoint } from './formats/open.ts';
import { layoutOf, type ModelConfig } from './model/config.ts';
import {
  type CompleteInput,
  type GenerateAllInput,
  type GenerateInput,
  optionsOf,
  type SamplesInput,
  splitPrompts,
  type WritingInput,
} from './sample/generate-input.ts';
import { KnownText, knownContent, novelNotice, textOf } from './sample/known-text.ts';
import {
  checkGenerateOptions,
  completeOptionsSchema,
  detailsOptionsSchema,
  planSampling,
  samplesOptionsSchema,
} from './sample/options.ts';
import { SequencePool } from './sample/pool/pool.ts';
import { type EncodedPrompt, encodePrompt } from './sample/prompt.ts';
import { collectPieces, collectSamples, type Sample, type SamplePiece } from './sample/samples.ts';
import { type LikelyWords, likelyWords } from './sample/search/likely-words.ts';
import { sequenceSeed } from './sample/sequence-seed.ts';
import { type StreamInput, streamOptionsSchema, TextStream } from './sample/text-stream.ts';
import { type TextPiece, writeTexts } from './sample/writer.ts';
import { checkScoreOptions, type ScoreInput } from './score/options.ts';
import { scoreText, type TextScore } from './score/score-text.ts';
import { joinBytes } from './util/bytes.ts';
import { checkContent, checkContents } from './util/check-content.ts';
import { checkOptions, type Given } from './util/check-options.ts';
import { onlyOnce } from './util/once.ts';

export const modelOptionsSchema = z.strictObject({
  engine: engineOption(),
  threads: threadsOption(),
  precision: precisionOption(),
});

type ModelOptions = z.output<typeof modelOptionsSchema>;

/** What computes. Default: the fastest engine that works, as many threads as this process may use, the checkpoint's precision. */
export interface ModelInput extends Given<ModelOptions> {
  /** Told when the fastest engine does not work here and another computes. */
  readonly onNotice?: ((message: string) => void) | undefined;
  /** Chooses the engine. Default: the fastest that works here, of those that the entry point of the package knows. */
  readonly makeEngine?: MakeEngine | undefined;
}

/** Sequences at once, and memory for the states of prompts: both take memory as they are needed. */
const MAX_SEQUENCES = 1 << 20;
const PREFIX_CACHE_BYTES = 1 << 24;
/** Milliseconds that the pool computes at a time. */
const PART_TIME = 10;

/** An engine with a model's weights in it. */
export interface LoadedModel {
  readonly engine: Engine;
  readonly weights: Vector;
}

/**
 * What computes a model, for the other modules of this package that drive it themselves, as the server does. The engine stays the
 * model's own: closing the model closes it.
 */
export let loadedModel: (model: LanguageModel) => Promise<LoadedModel>;

/**
 * A model and what it is asked for. The engine is made when it is first needed: what computes may throw an UnsupportedError where the
 * engine that was asked for can't work here, an EngineLostError where it is lost, and a UsageError after `close`.
 */
export class LanguageModel {
  readonly checkpoint: Checkpoint;
  readonly #options: ModelOptions;
  readonly #makeEngine: MakeEngine;
  readonly #onNotice: (message: string) => void;
  #loaded: Promise<LoadedModel> | undefined;
  #pool: Promise<SequencePool> | undefined;

  static {
    loadedModel = (model) => model.#load();
  }

  /**
   * @param checkpoint From an event of `train`, be it a structured clone, or from another model.
   * @throws {OptionError} for an option that does not fit
   */
  constructor(checkpoint: Checkpoint, input: ModelInput = {}) {
    const { makeEngine = makePortableEngine, onNotice = () => {}, ...options } = input;
    this.#options = checkOptions(modelOptionsSchema, options);
    this.#makeEngine = makeEngine;
    this.#onNotice = onNotice;
    this.checkpoint = withMethods(checkpoint);
  }

  /**
   * The model in the bytes of a checkpoint file of any known format.
   *
   * @param name What to call it in messages.
   * @throws {CheckpointError} for anything that is not a whole, well-formed checkpoint
   */
  static fromBytes<Model extends LanguageModel>(
    this: new (
      checkpoint: Checkpoint,
      input?: ModelInput,
    ) => Model,
    bytes: Uint8Array,
    name = 'the checkpoint',
    input: ModelInput = {},
  ): Model {
    return new this(openCheckpoint(bytes, name), input);
  }

  get config(): ModelConfig {
    return this.checkpoint.config;
  }

  get vocabulary(): Vocabulary {
    return this.checkpoint.vocabulary;
  }

  get parameterCount(): number {
    return parameterCount(layoutOf(this.config));
  }

  /** The engine in one line. */
  async describeEngine(): Promise<string> {
    return (await this.#load()).engine.description.text;
  }

  /**
   * The checkpoint as the bytes of a file, read back and compared.
   *
   * @throws {OptionError} for an unknown format
   * @throws {CheckpointError} `checkpoint-not-convertible`, `torch7-unsupported` for a model that the format can't hold
   */
  toBytes(format: ExportFormat = 'safetensors'): Uint8Array {
    if (!EXPORT_FORMATS.includes(format)) {
      throw new OptionError(
        'format',
        `got ${JSON.stringify(format)}, expected one of ${EXPORT_FORMATS.join(', ')}`,
      );
    }
    const { parts, check } = exportCheckpoint(this.checkpoint, format);
    const bytes = joinBytes(parts);
    check(bytesSource(bytes), `the file in ${format}`);
    return bytes;
  }

  /**
   * Text that continues the prompt, in pieces of some symbols, never half a character.
   *
   * @throws {OptionError} for an option that does not fit
   * @throws {TextError} `text-unknown-character` for a prompt with a character that the model does not know
   */
  async *generate(input: GenerateInput = {}): AsyncGenerator<string, void, void> {
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    for await (const { bytes } of this.generatePieces(input)) {
      const text = decoder.decode(bytes, { stream: true });
      if (text) yield text;
    }
    const rest = decoder.decode();
    if (rest) yield rest;
  }

  /**
   * As `generate`, in bytes: whole characters of UTF-8, or what a model over bytes drew, be it UTF-8 or not. The last piece of a text
   * says why it ends. With `alternatives` there are details: what the model thought of each symbol that it wrote. With `prompts`,
   * pieces of all texts come side by side, each with the number of its text.
   */
  async *generatePieces(input: GenerateInput | GenerateAllInput = {}): AsyncGenerator<TextPiece, void, void> {
    const { prompts, rest } = splitPrompts(input);
    yield* this.#write(prompts, rest);
  }

  /**
   * Whole texts that continue some prompts, computed side by side: much faster than one after the other.
   *
   * Text k is drawn with the seed `sequenceSeed(seed, k)` (sample/sequence-seed.ts); that of k = 0 is what `generate` gives. Of a beam
   * search, texts of the same prompt are the best of it, the best first.
   */
  async generateAll(input: GenerateAllInput): Promise<string[]> {
    const { prompts } = input;
    checkContents('prompts', prompts);
    const parts = prompts.map((): Uint8Array[] => []);
    for await (const { index, bytes } of this.generatePieces(input)) parts[index]?.push(bytes);
    return parts.map((own) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(joinBytes(own)));
  }

  /**
   * Samples of one prompt, in the order of their seeds: sample k is drawn with `sequenceSeed(seed, k)`, and left out where it is not
   * unique or not novel. There are fewer than asked for when the attempts, or `seconds` for all of them, do not give as many.
   */
  async *samples(input: SamplesInput = {}): AsyncGenerator<Sample, void, void> {
    const { prompt = '', novel, onProgress = () => {}, count, unique, attempts, ...rest } = input;
    const asked = checkOptions(samplesOptionsSchema, { count, unique, attempts });
    const most = asked.attempts ?? 100 * asked.count;
    const onNotice = onlyOnce(rest.onNotice);
    checkContent('prompt', prompt);
    if (novel !== undefined) checkContent('novel', novel);
    const { seed, lines, beam, seconds } = checkGenerateOptions(optionsOf(rest));
    const known = novel === undefined ? undefined : await knownContent(novel, this.vocabulary);
    const empty = known === undefined ? undefined : novelNotice(this.vocabulary, known);
    if (empty !== undefined) onNotice(empty);
    yield* collectSamples({
      ...{ count: asked.count, unique: asked.unique, seconds, onProgress },
      known: known === undefined ? undefined : new KnownText(known, lines !== undefined),
      prompt: textOf(prompt),
      // A beam search finds no more than it follows.
      attempts: beam > 0 ? Math.min(most, beam) : most,
      ...this.#draws(prompt, { ...rest, onNotice }, seed),
    });
  }

  /**
   * Like `samples` without `unique` and `novel`, but streams each sample in pieces, one after the other, the last piece of each with
   * its ending.
   */
  async *samplePieces(
    input: Omit<SamplesInput, 'unique' | 'novel' | 'attempts'> = {},
  ): AsyncGenerator<SamplePiece, void, void> {
    const { prompt = '', onProgress = () => {}, count, ...rest } = input;
    const asked = checkOptions(samplesOptionsSchema, { count });
    const onNotice = onlyOnce(rest.onNotice);
    checkContent('prompt', prompt);
    const { seed, beam, seconds } = checkGenerateOptions(optionsOf(rest));
    yield* collectPieces({
      ...{ seconds, onProgress },
      // A beam search finds no more than it follows.
      count: beam > 0 ? Math.min(asked.count, beam) : asked.count,
      ...this.#draws(prompt, { ...rest, onNotice }, seed),
    });
  }

  /** How samples of one prompt are seeded and written. */
  #draws(prompt: Content, input: WritingInput, seed: number) {
    return {
      seedOf: (index: number) => sequenceSeed(seed, index),
      write: (seeds: readonly number[], seconds: number | undefined) =>
        this.#write(Array(seeds.length).fill(prompt), { ...input, seconds }, seeds),
    };
  }

  async *#write(
    given: readonly Content[],
    input: WritingInput,
    seeds?: readonly number[],
  ): AsyncGenerator<TextPiece, void, void> {
    const { signal, onNotice, echo = false } = input;
    const { alternatives } = checkOptions(detailsOptionsSchema, { alternatives: input.alternatives });
    const options = checkGenerateOptions(optionsOf(input));
    const { vocabulary } = this;
    const plan = planSampling(vocabulary, options);
    // Samples have one prompt, up to 128 times.
    const encoded = new Map(
      [...new Set(given)].map((prompt) => [prompt, encodePrompt(vocabulary, prompt, options.unknown)]),
    );
    const prompts = given.map((prompt) => encoded.get(prompt) as EncodedPrompt);
    const notices = new Set([...prompts.flatMap((prompt) => prompt.notices), ...plan.notices]);
    for (const notice of notices) onNotice?.(notice);
    if (prompts.length === 0) return;
    yield* writeTexts({
      pool: await this.#sequences(),
      ...{ vocabulary, plan, echo, signal, alternatives },
      texts: prompts.map((prompt, k) => ({
        prompt,
        seed: seeds?.[k] ?? sequenceSeed(options.seed, k),
      })),
    });
  }

  /**
   * A text that is read and written in turns, with the model's state kept between them: `feed` reads, `next` writes a character. It
   * takes a place in the engine's memory until it is closed.
   *
   * @throws {OptionError} for an option that does not fit
   */
  stream(input: StreamInput = {}): TextStream {
    const { onNotice, ...rest } = input;
    const options = checkOptions(streamOptionsSchema, rest);
    return new TextStream({
      ...{ options, vocabulary: this.vocabulary, onNotice: onlyOnce(onNotice) },
      pool: () => this.#sequences(),
    });
  }

  /**
   * How well the model predicts a text, as a whole and symbol by symbol. The state is zero at the start.
   *
   * @throws {OptionError} for an option that does not fit
   * @throws {TextError} `text-unknown-character`; `text-too-short` for less than two symbols
   */
  async score(text: Content, input: ScoreInput = {}): Promise<TextScore> {
    const { signal, onNotice, ...rest } = input;
    const { rows, unknown } = checkScoreOptions(rest);
    checkContent('text', text);
    const encoded = encodePrompt(this.vocabulary, text, unknown);
    for (const notice of encoded.notices) onNotice?.(notice);
    const { engine } = await this.#load();
    const { config, vocabulary } = this;
    const { parameters } = this.checkpoint;
    const tokens = Int32Array.from(encoded.tokens);
    return scoreText({ engine, config, parameters, vocabulary, tokens, rows, signal });
  }

  /**
   * The most likely words after a text: the rest of a word where it ends within one, else whole words.
   *
   * @throws {TextError} `text-empty` for a text of no characters, `text-unknown-character`
   */
  async complete(text: Content, input: CompleteInput = {}): Promise<LikelyWords> {
    const { signal, onNotice, ...rest } = input;
    const { count, unknown } = checkOptions(completeOptionsSchema, rest);
    checkContent('text', text);
    const prompt = encodePrompt(this.vocabulary, text, unknown);
    for (const notice of prompt.notices) onNotice?.(notice);
    if (prompt.tokens.length === 0) {
      throw new TextError('text-empty', 'there is no text to complete: give one of at least a character.');
    }
    const { vocabulary } = this;
    return likelyWords({ pool: await this.#sequences(), vocabulary, prompt: prompt.tokens, count, signal });
  }

  /** Gives the memory back; the model can't be used afterwards. */
  async close(): Promise<void> {
    const [loaded, pool] = [this.#loaded, this.#pool];
    this.#loaded = Promise.reject(new UsageError('this model is closed'));
    this.#loaded.catch(() => {});
    // A model that could not be loaded has nothing to give back.
    const found = await loaded?.catch(() => undefined);
    await (await pool?.catch(() => undefined))?.close();
    await found?.engine.close();
  }

  /** The pool in which all texts of this model are written. */
  #sequences(): Promise<SequencePool> {
    this.#pool ??= this.#load().then(
      ({ engine, weights }) =>
        new SequencePool({
          ...{ engine, weights, vocabularySize: this.vocabulary.size },
          ...{ capacity: MAX_SEQUENCES, cacheBytes: PREFIX_CACHE_BYTES, partTime: PART_TIME },
        }),
    );
    return this.#pool;
  }

  #load(): Promise<LoadedModel> {
    this.#loaded ??= this.#prepare();
    return this.#loaded;
  }

  async #prepare(): Promise<LoadedModel> {
    const { precision = this.checkpoint.precision, ...options } = this.#options;
    const { engine, notice } = await this.#makeEngine({ ...options, precision });
    if (notice) this.#onNotice(notice);
    try {
      const weights = engine.vector(layoutOf(this.config));
      engine.write(weights, this.checkpoint.parameters);
      return { engine, weights };
    } catch (error) {
      await engine.close();
      throw error;
    }
  }
}
