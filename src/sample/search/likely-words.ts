/**
 * The most likely words after a text, by best-first search over characters.
 *
 * A word is a run of letters, marks, digits, apostrophes and hyphens; its probability that of its characters and of anything else
 * coming next. Where the text ends within a word, what is found is the rest of it, which may be nothing.
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
  /** What the model reads first; at least one token. */
  readonly prompt: readonly number[];
  /** Words to find. */
  readonly count: number;
  readonly signal?: AbortSignal | undefined;
}

export interface LikelyWord {
  /** The word, or what is missing of it. */
  readonly text: string;
  readonly probability: number;
}

export interface LikelyWords {
  /** The most likely first. */
  readonly words: readonly LikelyWord[];
  /** Whether the text ends within a word, so that the words are what is missing of it. */
  readonly completes: boolean;
}

/** A prefix of a word whose last token is still to be read. */
interface Prefix {
  readonly text: string;
  readonly logProbability: number;
  /** Where the state before the last token is. */
  readonly slot: number;
  readonly token: number;
}

/** PrefixStates that are kept: prefixes that are looked into. */
const SLOTS = 2_048;
/** Less likely words are not sought: in percent with two decimals they are zero. */
const MIN_PROBABILITY = 5e-5;
const MIN_LOG_PROBABILITY = Math.log(MIN_PROBABILITY);
/** Beginnings that are looked into side by side. */
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
  // The likeliest last.
  let open: Prefix[] = [{ text: '', logProbability: 0, slot: 0, token: last }];
  const isWord = (text: string) => (text === '' ? completes : isWholeWord(text, vocabulary));
  const turns = new TurnTaker();
  for (let used = 1; open.length > 0 && used + BATCH_SIZE <= SLOTS; ) {
    signal?.throwIfAborted();
    await turns.take();
    const worst = words.length < count ? MIN_PROBABILITY : (words[count - 1] as LikelyWord).probability;
    const next = open
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
      open.push(...extensionsOf(prefix, row, isInWord, vocabulary, slots[i] as number));
    });
    open.sort((a, b) => a.logProbability - b.logProbability);
    open = open.slice(-SLOTS);
  }
  return words
    .slice(0, count)
    .map(({ text, probability }) => ({ text: textOf(text, vocabulary), probability }));
}

/** Whether some symbols are a word: bytes that end within a character are none, nor are those of a dash. */
function isWholeWord(symbols: string, { kind }: Vocabulary): boolean {
  if (kind !== 'byte') return true;
  try {
    return WHOLE_WORD.test(new TextDecoder('utf-8', { fatal: true }).decode(symbolBytes(symbols)));
  } catch {
    return false;
  }
}

/** Some symbols as text; bytes as what they are in UTF-8. */
function textOf(symbols: string, { kind }: Vocabulary): string {
  if (kind !== 'byte') return symbols;
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(symbolBytes(symbols));
}

/** The prefix as a whole word: something else comes next. */
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

/** Keeps the words in order, the most likely first, without those that are too unlikely. */
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
  // A byte above 127 is a part of a character that is most often a letter.
  if (vocabulary.kind === 'byte' && symbol >= '\u0080') return true;
  return WORD.test(symbol);
}

/** A read of one token: from the state in one slot to that in another. */
interface Read {
  readonly from: number;
  readonly to: number;
  readonly token: number;
}

/** The engine's side: a state in each slot. */
class PrefixStates {
  readonly #search: WordSearch;
  readonly #slots: StateSlots;
  readonly #output: Tensor;

  constructor(search: WordSearch) {
    const { engine, weights } = search.pool.shared;
    this.#search = search;
    this.#slots = new StateSlots(engine, weights.layout, SLOTS, SLOTS);
    this.#output = engine.tensor('float', [BATCH_SIZE, search.vocabulary.size]);
  }

  /** Reads a text in slot 0. */
  async readPrompt(prompt: readonly number[]): Promise<void> {
    const { pool, signal } = this.#search;
    const held = await holdSlots(pool, { prompt, count: 1, signal });
    pool.shared.slots.copy([...held.slots], this.#slots, [0]);
    held.release();
  }

  /** Log-probabilities of what comes next, a row for each read. */
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
