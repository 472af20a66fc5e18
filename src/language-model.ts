/** A trained model to use: load, generate, save. Runs in Node and in a page. */
import type { Vocabulary } from './data/vocabulary.ts';
import type { Engine, Precision, Vector } from './engine/engine.ts';
import { parameterCount } from './engine/layout.ts';
import { type EngineName, type MakeEngine, makePortableEngine } from './engine/select.ts';
import { TextError } from './errors.ts';
import type { Checkpoint } from './formats/checkpoint.ts';
import { type ExportFormat, exportCheckpoint } from './formats/export.ts';
import { openCheckpoint } from './formats/open.ts';
import { layoutOf, type ModelConfig } from './model/config.ts';
import { CharacterPieces } from './sample/character-pieces.ts';
import { generateTokens } from './sample/generator.ts';
import { type LikelyWords, likelyWords } from './sample/likely-words.ts';
import { checkGenerateOptions, type GenerateOptionsInput } from './sample/options.ts';
import { encodePrompt } from './sample/prompt.ts';
import { streamSeed } from './sample/stream-seed.ts';
import { checkScoreOptions, type ScoreOptionsInput } from './score/options.ts';
import { scoreText, type TextScore } from './score/score-text.ts';
import { joinBytes } from './util/join-bytes.ts';
import { MersenneTwister } from './util/mersenne-twister.ts';

export interface GenerateInput extends Omit<GenerateOptionsInput, 'prompt'> {
  /** What the model reads first; for a model over bytes it may be any bytes. */
  readonly prompt?: string | Uint8Array | undefined;
  /** Whether the prompt comes before the generated text. Default false. */
  readonly echo?: boolean | undefined;
  /** Ends the text with the signal's reason as an error. */
  readonly signal?: AbortSignal | undefined;
  /** Told of characters of the prompt that were left out or replaced. */
  readonly onNotice?: ((message: string) => void) | undefined;
}

export interface GenerateAllInput extends Omit<GenerateInput, 'prompt'> {
  /** What the model reads first in each text; the empty text where it shall begin by itself. */
  readonly prompts: readonly (string | Uint8Array)[];
  /** Told how many symbols of each text there are. */
  readonly onProgress?: ((drawn: number) => void) | undefined;
}

export interface ScoreInput extends ScoreOptionsInput {
  /** Ends the scoring with the signal's reason as an error. */
  readonly signal?: AbortSignal | undefined;
  /** Told of characters of the text that were left out. */
  readonly onNotice?: ((message: string) => void) | undefined;
}

export interface CompleteInput {
  /** Words to find. Default 10. */
  readonly count?: number | undefined;
  /** What to do with a character of the text that the model does not know. Default `error`. */
  readonly unknown?: 'error' | 'skip' | 'nearest' | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onNotice?: ((message: string) => void) | undefined;
}

/** What computes. */
export interface ModelSettings {
  /** Default `auto`: the fastest that works. */
  readonly engine?: EngineName | undefined;
  /** Default: as many as this process may use. */
  readonly threads?: number | undefined;
  /** Default: that of the checkpoint. */
  readonly precision?: Precision | undefined;
}

/** An engine with the model's weights in it. */
export interface Loaded {
  readonly engine: Engine;
  readonly weights: Vector;
}

export class LanguageModel {
  readonly checkpoint: Checkpoint;
  readonly #settings: ModelSettings;
  #loaded: Promise<Loaded> | undefined;

  constructor(checkpoint: Checkpoint, settings: ModelSettings = {}) {
    this.checkpoint = checkpoint;
    this.#settings = settings;
  }

  /**
   * The model in the bytes of a checkpoint file of any known format.
   *
   * @param name What to call it in messages.
   * @throws {CheckpointError} for anything that is not a whole, well-formed checkpoint
   */
  static fromBytes(bytes: Uint8Array, name = 'the checkpoint', settings: ModelSettings = {}): LanguageModel {
    return new LanguageModel(openCheckpoint(bytes, name), settings);
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

  /** The engine that computes this model, for those who drive it themselves, as a server does. It stays the model's own. */
  onEngine(): Promise<Loaded> {
    return this.#load();
  }

  /**
   * The checkpoint as the bytes of a file.
   *
   * @throws {CheckpointError} `checkpoint-not-convertible`, `torch7-unsupported` for a model that the format can't hold
   */
  toBytes(format: ExportFormat = 'safetensors'): Uint8Array {
    return joinBytes(exportCheckpoint(this.checkpoint, format).parts);
  }

  /**
   * Text that continues the prompt, in pieces of some symbols, never half a character.
   *
   * @throws {OptionError} for an option that does not fit
   * @throws {TextError} `text-unknown-character` for a prompt with a character that the model does not know
   */
  async *generate(input: GenerateInput = {}): AsyncGenerator<string, void, void> {
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    for await (const bytes of this.generateBytes(input)) {
      const text = decoder.decode(bytes, { stream: true });
      if (text) yield text;
    }
    const rest = decoder.decode();
    if (rest) yield rest;
  }

  /** As `generate`, in whole characters of UTF-8; for a model over bytes what it drew, be it UTF-8 or not. */
  async *generateBytes(input: GenerateInput = {}): AsyncGenerator<Uint8Array, void, void> {
    const { signal, onNotice, echo = false, prompt: given = '', ...rest } = input;
    const options = checkGenerateOptions(rest);
    const prompt = encodePrompt(this.vocabulary, given, options.unknown);
    for (const notice of prompt.notices) onNotice?.(notice);
    const pieces = new CharacterPieces(this.vocabulary);
    if (echo && prompt.bytes.length > 0) yield* pieces.push(prompt.bytes);
    const tokens = generateTokens({
      ...(await this.#load()),
      vocabularySize: this.vocabulary.size,
      unknownToken: this.vocabulary.unknownToken,
      prompts: [prompt.tokens],
      length: options.length,
      temperature: options.temperature,
      generators: [new MersenneTwister(options.seed)],
      signal,
    });
    for await (const [more = []] of tokens) yield* pieces.push(this.vocabulary.bytesOfAll(more));
    yield* pieces.end();
  }

  /**
   * Whole texts that continue some prompts, computed side by side: much faster than one after the other.
   *
   * Text k is drawn with the seed `streamSeed(seed, k)` (sample/stream-seed.ts); that of k = 0 is what `generate` gives.
   */
  async generateAll(input: GenerateAllInput): Promise<string[]> {
    const texts = await this.generateAllBytes(input);
    return texts.map((bytes) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes));
  }

  /** As `generateAll`; for a model over bytes what it drew, be it UTF-8 or not. */
  async generateAllBytes(input: GenerateAllInput): Promise<Uint8Array[]> {
    const { signal, onNotice, echo = false, prompts: given, onProgress, ...rest } = input;
    const options = checkGenerateOptions(rest);
    const prompts = given.map((prompt) => encodePrompt(this.vocabulary, prompt, options.unknown));
    for (const notice of new Set(prompts.flatMap(({ notices }) => notices))) onNotice?.(notice);
    if (prompts.length === 0) return [];
    const drawn = prompts.map(() => new Int32Array(options.length));
    const steps = generateTokens({
      ...(await this.#load()),
      vocabularySize: this.vocabulary.size,
      unknownToken: this.vocabulary.unknownToken,
      prompts: prompts.map(({ tokens }) => tokens),
      length: options.length,
      temperature: options.temperature,
      generators: prompts.map((_, k) => new MersenneTwister(streamSeed(options.seed, k))),
      signal,
    });
    let done = 0;
    for await (const more of steps) {
      for (const [k, tokens] of more.entries()) drawn[k]?.set(tokens, done);
      done += more[0]?.length ?? 0;
      onProgress?.(done);
    }
    return drawn.map((tokens, k) => {
      const text = this.vocabulary.bytesOfAll(tokens);
      return echo ? joinBytes([prompts[k]?.bytes ?? new Uint8Array(), text]) : text;
    });
  }

  /**
   * How well the model predicts a text, as a whole and symbol by symbol. The state is zero at the start.
   *
   * @throws {OptionError} for an option that does not fit
   * @throws {TextError} `text-unknown-character`; `text-too-short` for less than two symbols
   */
  async score(text: string | Uint8Array, input: ScoreInput = {}): Promise<TextScore> {
    const { signal, onNotice, ...rest } = input;
    const { rows, unknown } = checkScoreOptions(rest);
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
  async complete(text: string | Uint8Array, input: CompleteInput = {}): Promise<LikelyWords> {
    const { count = 10, unknown = 'error', signal, onNotice } = input;
    const prompt = encodePrompt(this.vocabulary, text, unknown);
    for (const notice of prompt.notices) onNotice?.(notice);
    if (prompt.tokens.length === 0) {
      throw new TextError('text-empty', 'there is no text to complete: give one of at least a character.');
    }
    const { vocabulary } = this;
    return likelyWords({ ...(await this.#load()), vocabulary, prompt: prompt.tokens, count, signal });
  }

  /** Gives the memory back; the model can't be used afterwards. */
  async close(): Promise<void> {
    const loaded = this.#loaded;
    this.#loaded = Promise.reject(new TypeError('this model is closed'));
    this.#loaded.catch(() => {});
    await (await loaded)?.engine.close();
  }

  /** How this environment chooses an engine. */
  protected get makeEngine(): MakeEngine {
    return makePortableEngine;
  }

  #load(): Promise<Loaded> {
    this.#loaded ??= this.#prepare();
    return this.#loaded;
  }

  async #prepare(): Promise<Loaded> {
    const { engine: name = 'auto', threads, precision = this.checkpoint.precision } = this.#settings;
    const { engine } = await this.makeEngine({ engine: name, threads, precision });
    const weights = engine.vector(layoutOf(this.config));
    engine.write(weights, this.checkpoint.parameters);
    return { engine, weights };
  }
}
