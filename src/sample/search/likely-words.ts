/**
 * Finds the most likely words after a text, by best-first search over prefixes of words.
 *
 * A word is a run of letters, marks, digits, apostrophes and hyphens. Its probability is that of its characters followed by anything that
 * ends the word. If the text ends within a word, the search finds the rest of that word, which may be empty.
 */
import { symbolBytes } from '../../data/symbols/symbol-text.ts';
import type { Vocabulary } from '../../data/vocabulary.ts';
import type { FloatArray, Tensor } from '../../engine/engine.ts';
import { StateSlots } from '../../model/states.ts';
import { TurnTaker } from '../../util/event-loop.ts';
import { holdSlots } from '../pool/held-slots.ts';
import type { SequencePool } from '../pool/pool.ts';

export interface WordSearch {
  readonly pool: SequencePool;
  readonly vocabulary: Vocabulary;
  /** The text; at least one token. */
  readonly prompt: readonly number[];
  /** How many words to find. */
  readonly count: number;
  readonly signal?: AbortSignal | undefined;
}

export interface LikelyWord {
  /** The word, or the missing rest of it. */
  readonly text: string;
  readonly probability: number;
}

export interface LikelyWords {
  /** The most likely first. */
  readonly words: readonly LikelyWord[];
  /** Whether the text ends within a word: then each of the words is a possible rest of it. */
  readonly completes: boolean;
}

/** A prefix of a word whose last token is still to be read. */
interface Prefix {
  readonly text: string;
  readonly logProbability: number;
  /** The slot of the state before the last token. */
  readonly slot: number;
  readonly token: number;
}

/** Maximum states in memory, which limits the prefixes that are extended. */
const MAX_SLOTS = 2_048;
/** Minimum probability of a word: a smaller one would be shown as 0.00%. */
const MIN_PROBABILITY = 5e-5;
const MIN_LOG_PROBABILITY = Math.log(MIN_PROBABILITY);
/** Prefixes that are extended in one batch. */
const BATCH_SIZE = 16;

/** @throws the signal's reason when it is aborted */
export async function likelyWords(search: WordSearch): Promise<LikelyWords> {
  const states = new PrefixStates(search);
  try {
    const last = search.prompt.at(-1) as number;
    await states.readPrompt(search.prompt.slice(0, -1));
    const found = await explore(search, states, last);
    return { words: found, completes: isWordToken(search.vocabulary, last) };
  } finally {
    states.release();
  }
}

async function explore({ vocabulary, count, signal }: WordSearch, states: PrefixStates, last: number) {
  const isInWord = Array.from({ length: vocabulary.size }, (_, token) => isWordToken(vocabulary, token));
  const completes = isInWord[last] === true;
  const words: LikelyWord[] = [];
  // In ascending order of probability.
  let queue: Prefix[] = [{ text: '', logProbability: 0, slot: 0, token: last }];
  const isWord = (text: string) => (text === '' ? completes : isWholeWord(text, vocabulary));
  const turns = new TurnTaker();
  for (let used = 1; queue.length > 0 && used + BATCH_SIZE <= MAX_SLOTS; ) {
    signal?.throwIfAborted();
    await turns.take();
    const worst = words.length < count ? MIN_PROBABILITY : (words[count - 1] as LikelyWord).probability;
    const next = queue
      .splice(-BATCH_SIZE)
      .reverse()
      .filter(({ logProbability }) => Math.exp(logProbability) > worst);
    if (next.length === 0) break;
    const slots = next.map(() => used++);
    const rows = await states.readAll(
      next.map(({ slot, token }, i) => ({ from: slot, to: slots[i] as number, token })),
    );
    next.forEach((prefix, i) => {
      const row = rows[i] as FloatArray;
      if (isWord(prefix.text)) insert(words, wholeWord(prefix, row, isInWord));
      queue.push(...extensionsOf(prefix, row, isInWord, vocabulary, slots[i] as number));
    });
    queue.sort((a, b) => a.logProbability - b.logProbability);
    queue = queue.slice(-MAX_SLOTS);
  }
  return words
    .slice(0, count)
    .map(({ text, probability }) => ({ text: textOf(text, vocabulary), probability }));
}

/** Whether symbols form a complete word. Bytes may also end within a character, or be those of a dash. */
function isWholeWord(symbols: string, { kind }: Vocabulary): boolean {
  if (kind !== 'byte') return true;
  try {
    return WHOLE_WORD.test(new TextDecoder('utf-8', { fatal: true }).decode(symbolBytes(symbols)));
  } catch {
    return false;
  }
}

/** Symbols as text; bytes are decoded as UTF-8. */
function textOf(symbols: string, { kind }: Vocabulary): string {
  if (kind !== 'byte') return symbols;
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(symbolBytes(symbols));
}

/** The prefix as a whole word: the next token ends the word. */
function wholeWord(prefix: Prefix, row: FloatArray, isInWord: readonly boolean[]): LikelyWord {
  let rest = 0;
  row.forEach((logProbability, token) => {
    if (!isInWord[token]) rest += Math.exp(logProbability);
  });
  return { text: prefix.text, probability: Math.exp(prefix.logProbability) * rest };
}

function extensionsOf(
  { text, logProbability }: Prefix,
  row: FloatArray,
  isInWord: readonly boolean[],
  vocabulary: Vocabulary,
  slot: number,
): Prefix[] {
  const prefixes: Prefix[] = [];
  row.forEach((more, token) => {
    if (!isInWord[token] || logProbability + more < MIN_LOG_PROBABILITY) return;
    prefixes.push({
      text: text + vocabulary.symbolOf(token),
      logProbability: logProbability + more,
      slot,
      token,
    });
  });
  return prefixes;
}

/** Inserts a word in descending order of probability, unless it is too unlikely. */
function insert(words: LikelyWord[], word: LikelyWord): void {
  if (word.probability < MIN_PROBABILITY) return;
  const at = words.findIndex(({ probability }) => probability < word.probability);
  words.splice(at < 0 ? words.length : at, 0, word);
}

const WORD = /^[\p{L}\p{M}\p{N}'\u2019-]/u;
const WHOLE_WORD = /^[\p{L}\p{M}\p{N}'\u2019-]+$/u;

function isWordToken(vocabulary: Vocabulary, token: number): boolean {
  if (token === vocabulary.unknownToken) return false;
  const symbol = vocabulary.symbolOf(token);
  // A byte above 127 is part of a character that is usually a letter.
  if (vocabulary.kind === 'byte' && symbol >= '\u0080') return true;
  return WORD.test(symbol);
}

/** Reads one token: from the state in slot `from` to the state in slot `to`. */
interface Read {
  readonly from: number;
  readonly to: number;
  readonly token: number;
}

/** The engine's part of the search: a state for each prefix. */
class PrefixStates {
  readonly #search: WordSearch;
  readonly #slots: StateSlots;
  readonly #output: Tensor;

  constructor(search: WordSearch) {
    const { engine, weights } = search.pool.shared;
    this.#search = search;
    this.#slots = new StateSlots(engine, weights.layout, MAX_SLOTS, MAX_SLOTS);
    this.#output = engine.tensor('float', [BATCH_SIZE, search.vocabulary.size]);
  }

  /** Reads the text in slot 0. */
  async readPrompt(prompt: readonly number[]): Promise<void> {
    const { pool, signal } = this.#search;
    const held = await holdSlots(pool, { prompt, count: 1, signal });
    pool.shared.slots.copy([...held.slots], this.#slots, [0]);
    held.release();
  }

  /** For each read, the log-probabilities [V] of the next token. */
  async readAll(reads: readonly Read[]): Promise<FloatArray[]> {
    const { pool, vocabulary } = this.#search;
    const { engine, weights } = pool.shared;
    const { states } = this.#slots;
    const slots = Int32Array.from(reads, ({ to }) => to);
    const from = Int32Array.from(reads, (read) => read.from);
    for (const state of states) engine.copySlots(state, from, state, slots);
    const tokens = Int32Array.from(reads, ({ token }) => token);
    engine.step({ weights, states, slots, tokens, output: this.#output });
    const all = (await engine.read(this.#output)) as FloatArray;
    const V = vocabulary.size;
    return reads.map((_, i) => all.slice(i * V, (i + 1) * V));
  }

  release(): void {
    this.#slots.release();
    this.#search.pool.engine.release(this.#output);
  }
}
