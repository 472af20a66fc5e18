/** A text that the caller and the model extend in turns. The model's state is kept between calls. */
import * as z from 'zod/mini';
import type { Vocabulary } from '../data/vocabulary.ts';
import type { FloatArray, HeldUnit, Tensor } from '../engine/engine.ts';
import { UsageError } from '../errors.ts';
import { checkContent } from '../util/check-content.ts';
import { checkOptions, type Given } from '../util/check-options.ts';
import { nextTurn } from '../util/event-loop.ts';
import { MersenneTwister } from '../util/mersenne-twister.ts';
import { seed as anySeed, option } from '../util/option-info.ts';
import { CharacterPieces } from './character-pieces.ts';
import { controlsSchema, resolveControls } from './choice/controls.ts';
import { TokenChooser } from './choice/token-chooser.ts';
import { holdOptions } from './hold.ts';
import { generateOptionsSchema } from './options.ts';
import { type HeldSlots, holdSlots } from './pool/held-slots.ts';
import { closed, type SequencePool } from './pool/pool.ts';
import { encodePrompt } from './prompt.ts';
import { sequenceSeed } from './sequence-seed.ts';

const { seed, unknown } = generateOptionsSchema.shape;
export const streamOptionsSchema = z.strictObject({ ...controlsSchema.shape, ...holdOptions, seed, unknown });
const forkOptionsSchema = z.strictObject({
  seed: option(z.optional(anySeed()), {
    flag: 'seed',
    group: 'Sampling',
    help: 'seed of the random numbers of a fork',
  }),
});
export type StreamOptions = z.output<typeof streamOptionsSchema>;

export interface StreamInput extends Given<StreamOptions> {
  /** Called once with each different notice about characters that were left out or replaced. */
  readonly onNotice?: ((message: string) => void) | undefined;
}

/** Tokens that the first call of the engine reads, and at most. */
const FIRST_STEPS = 64;
const MAX_STEPS = 4096;
/** Milliseconds that the next calls take, about. The stream and its model can be closed between calls. */
const CALL_TIME = 100;

export interface TextStreamSource {
  readonly pool: () => Promise<SequencePool>;
  readonly vocabulary: Vocabulary;
  readonly options: StreamOptions;
  /** Units to hold while the stream's own characters are read. Default: none. */
  readonly hold?: readonly HeldUnit[] | undefined;
  readonly onNotice: (message: string) => void;
}

/** Calls run one after the other, in the order in which they were made. After `close` they throw a UsageError. */
export class TextStream implements AsyncIterable<string> {
  readonly #source: TextStreamSource;
  readonly #chooser: TokenChooser;
  #pieces: CharacterPieces;
  /** Characters that were written and not returned yet: an invalid byte shows only when the next character has begun. */
  #unread: readonly string[] = [];
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #state: Promise<StreamState> | undefined;
  /** Settles after the last call that was made. */
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;
  /** Number of forks made so far. */
  #forks = 0;

  /** @throws {OptionError} for controls that contradict each other, or that leave nothing to draw */
  constructor(source: TextStreamSource, state?: Promise<StreamState>) {
    const { vocabulary, options } = source;
    this.#source = source;
    this.#state = state;
    this.#chooser = new TokenChooser(resolveControls(vocabulary, options), new MersenneTwister(options.seed));
    this.#pieces = new CharacterPieces(vocabulary);
  }

  /**
   * Reads a text, or any bytes for a model over bytes.
   *
   * @throws {TextError} `text-unknown-character` for a character that the model does not know
   */
  feed(text: string | Uint8Array): Promise<void> {
    return this.#inOrder(async () => {
      const { vocabulary, options, onNotice } = this.#source;
      checkContent('text', text);
      const { tokens, notices } = encodePrompt(vocabulary, text, options.unknown);
      for (const notice of notices) onNotice(notice);
      if (tokens.length > 0) await (await this.#open()).read(tokens, () => this.#checkOpen());
    });
  }

  /** Writes the next character. If a model over bytes writes invalid UTF-8, the character is U+FFFD. */
  next(): Promise<string> {
    return this.#inOrder(async () => {
      const state = await this.#open();
      while (this.#unread.length === 0) {
        const token = this.#chooser.choose(await state.predict());
        state.step(token, this.#source.hold);
        this.#unread = this.#charactersOf(token);
      }
      const [first = '', ...rest] = this.#unread;
      this.#unread = rest;
      return first;
    });
  }

  /** The characters that a token completes. */
  #charactersOf(token: number): string[] {
    const { vocabulary } = this.#source;
    const texts = Array.from(this.#pieces.push(vocabulary.bytesOf(token)), (bytes) =>
      this.#decoder.decode(bytes),
    );
    // A grapheme may have several code points.
    return vocabulary.kind === 'byte' ? texts.flatMap((text) => [...text]) : texts;
  }

  /**
   * A copy that continues the text so far in its own way: with its own random numbers, and with penalties that start again.
   *
   * @param input The seed of its random numbers. Default: `sequenceSeed(seed, k)` of this stream's seed, for its k-th fork.
   * @throws {OptionError} for an option that does not fit
   */
  fork(input: { readonly seed?: number | undefined } = {}): TextStream {
    this.#checkOpen();
    const { seed: given } = checkOptions(forkOptionsSchema, input);
    this.#forks++;
    const seed = given ?? sequenceSeed(this.#source.options.seed, this.#forks);
    const options = { ...this.#source.options, seed };
    const copy: TextStream = new TextStream(
      { ...this.#source, options },
      this.#inOrder(async () => {
        const state = await (await this.#open()).fork();
        copy.#pieces = this.#pieces.fork();
        copy.#unread = this.#unread;
        return state;
      }),
    );
    return copy;
  }

  /** Frees its memory in the engine. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const state = this.#state;
    this.#last.finally(async () => (await state)?.release()).catch(() => {});
  }

  /** Writes characters without end. The stream stays open when the loop is left. */
  async *[Symbol.asyncIterator](): AsyncGenerator<string, void, void> {
    for (;;) yield await this.next();
  }

  async #open(): Promise<StreamState> {
    this.#state ??= this.#source.pool().then((pool) => StreamState.take(pool));
    const state = await this.#state;
    state.checkOpen();
    return state;
  }

  #inOrder<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#last.then(() => {
      this.#checkOpen();
      return action();
    });
    this.#last = result.catch(() => {});
    return result;
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new UsageError('this stream is closed');
  }
}

/** The state of the text in a slot of the pool, and the prediction of its next token. */
class StreamState {
  readonly #pool: SequencePool;
  readonly #held: HeldSlots;
  /** float [1, V]. */
  readonly #output: Tensor;

  static async take(pool: SequencePool): Promise<StreamState> {
    const held = await holdSlots(pool, { prompt: [], count: 1 });
    const output = held.engine.tensor('float', [1, held.logProbabilities.length]);
    held.engine.write(output, held.logProbabilities);
    return new StreamState(pool, held, output);
  }

  private constructor(pool: SequencePool, held: HeldSlots, output: Tensor) {
    this.#pool = pool;
    this.#held = held;
    this.#output = output;
  }

  /** @throws {UsageError} if the model, and so its engine, was closed */
  checkOpen(): void {
    if (this.#pool.isClosed) throw closed();
  }

  /** @param check Throws if the stream was closed. */
  async read(tokens: readonly number[], check: () => void): Promise<void> {
    let steps = FIRST_STEPS;
    for (let from = 0; from < tokens.length; ) {
      this.checkOpen();
      check();
      const own = tokens.slice(from, from + steps);
      const start = performance.now();
      this.#held.engine.readTokens({ ...this.#call, tokens: Int32Array.from(own) });
      await this.#held.engine.read(this.#output, { offset: 0, count: 1 });
      const fitting = (own.length * CALL_TIME) / (performance.now() - start);
      from += own.length;
      // An engine that computes on this thread gives it to others only here.
      if (from < tokens.length) await nextTurn();
      steps = Math.max(1, Math.min(Math.floor(fitting), 2 * steps, MAX_STEPS));
    }
  }

  step(token: number, hold: readonly HeldUnit[] | undefined): void {
    this.#held.engine.step({ ...this.#call, tokens: Int32Array.of(token), hold });
  }

  /** Log-probabilities [V] of the next token. */
  async predict(): Promise<FloatArray> {
    return (await this.#held.engine.read(this.#output)) as FloatArray;
  }

  async fork(): Promise<StreamState> {
    const other = await StreamState.take(this.#pool);
    const { engine } = this.#held;
    for (const state of this.#held.states())
      engine.copySlots(state, this.#held.slots, state, other.#held.slots);
    engine.copy(this.#output, other.#output);
    return other;
  }

  release(): void {
    if (this.#pool.isClosed) return;
    this.#held.engine.release(this.#output);
    this.#held.release();
  }

  get #call() {
    const { weights, slots } = this.#held;
    return { weights, slots, states: this.#held.states(), output: this.#output };
  }
}
