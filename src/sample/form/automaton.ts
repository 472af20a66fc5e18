/**
 * Compiles an expression to an automaton over a vocabulary. It determines which tokens may come next so that the whole text can still match.
 *
 * Thompson's construction (1968) gives a nondeterministic automaton whose size is linear in that of the expression with its repetitions
 * written out. Sets of its states are the states of a deterministic automaton. They are made when a text reaches them, and cached within a
 * memory limit. Each of them knows the minimum number of tokens to a match.
 */
import { describeSymbol } from '../../data/symbols/symbol-text.ts';
import type { Vocabulary } from '../../data/vocabulary.ts';
import { OptionError } from '../../errors.ts';
import { formatCount } from '../../util/format.ts';
import type { Expression, SymbolSet } from './expression.ts';

/** Limits on the size of an automaton. */
export interface AutomatonLimits {
  /** Nondeterministic states. */
  readonly states: number;
  /** Tokens in all its different sets together. */
  readonly setTokens: number;
  /** 4-byte numbers in the cached deterministic states. */
  readonly kept: number;
}

export const AUTOMATON_LIMITS: AutomatonLimits = { states: 20_000, setTokens: 100_000_000, kept: 4_000_000 };

/** The distance if no match can be reached. */
export const NEVER = 2 ** 31 - 1;

/** A deterministic state. */
export interface AutomatonState {
  /** Minimum tokens from here to a match; 0: the text matches already. */
  readonly distance: number;
  /** [V]: minimum tokens to a match after each token; `NEVER` if there is no match after it. */
  readonly distances: Int32Array;
  /** The minimum of `distances`. */
  readonly nearest: number;
  /** The nondeterministic states that read a token, in ascending order. */
  readonly members: Int32Array;
  readonly next: Map<number, AutomatonState>;
}

const ACCEPT = 0;
/** Symbols that an error names. */
const MAX_NAMED = 5;

type SetExpression = Extract<Expression, { kind: 'set' }>;

export class Automaton {
  readonly start: AutomatonState;
  readonly #size: number;
  readonly #option: string;
  readonly #limits: AutomatonLimits;
  /** Tokens of each different set. */
  readonly #sets: Int32Array[] = [];
  readonly #setNumbers = new Map<string, number>();
  #setTokens = 0;
  /**
   * For each nondeterministic state, the index of the set of tokens that it reads; −1: it reads nothing and forks to `#first` and
   * `#second`. State 0 accepts.
   */
  readonly #reads: number[] = [-1];
  readonly #first: number[] = [ACCEPT];
  readonly #second: number[] = [ACCEPT];
  readonly #distances: Int32Array;
  readonly #kept = new Map<string, AutomatonState>();
  #keptNumbers = 0;
  /** For each state, the number of the last closure that visited it. */
  readonly #visited: Int32Array;
  #visit = 0;

  /**
   * @param usable [V]: 1 for each token that may be drawn.
   * @param option The option's name, for messages.
   * @throws {OptionError} if the expression is too large, or if no text of the vocabulary matches it
   */
  constructor(
    expression: Expression,
    vocabulary: Vocabulary,
    usable: Uint8Array,
    option: string,
    limits: AutomatonLimits,
  ) {
    const size = sizeOf(expression);
    if (size > limits.states) {
      throw new OptionError(
        option,
        `its automaton would have ${Number.isFinite(size) ? formatCount(size) : 'too many'} states, expected at most ${formatCount(limits.states)}: repeat less`,
      );
    }
    this.#size = vocabulary.size;
    this.#option = option;
    this.#limits = limits;
    const numbers = new Map<SymbolSet, number>();
    const missing = new Set<string>();
    const entry = this.#add(expression, ACCEPT, ({ set, symbol }) => {
      const known = numbers.get(set);
      if (known !== undefined) return known;
      const tokens = vocabulary.symbols.flatMap((symbol, token) =>
        usable[token] === 1 && set(symbol) ? [token] : [],
      );
      if (tokens.length === 0 && symbol !== undefined) missing.add(symbol);
      const number = this.#setNumber(tokens);
      numbers.set(set, number);
      return number;
    });
    this.#distances = this.#measure();
    this.#visited = new Int32Array(this.#reads.length);
    if (this.#distances[entry] === NEVER) {
      const inOrder = new Set([...symbolsOf(expression)].filter((symbol) => missing.has(symbol)));
      const named = [...inOrder].slice(0, MAX_NAMED).map((symbol) => describeSymbol(symbol, vocabulary.kind));
      const more = missing.size > MAX_NAMED ? ` and ${formatCount(missing.size - MAX_NAMED)} more` : '';
      throw new OptionError(
        option,
        named.length > 0
          ? `no text matches it, because the model can't write ${named.join(', ')}${more}`
          : 'no text matches it with only the characters that the model may draw',
      );
    }
    this.start = this.#state([entry]);
  }

  /** The state after a token, whose distance must not be `NEVER`. */
  next(state: AutomatonState, token: number): AutomatonState {
    const known = state.next.get(token);
    if (known) return known;
    const entries: number[] = [];
    for (const member of state.members) {
      const tokens = this.#sets[this.#reads[member] as number] as Int32Array;
      if (includes(tokens, token)) entries.push(this.#first[member] as number);
    }
    const next = this.#state(entries);
    state.next.set(token, next);
    return next;
  }

  /** Adds the states of an expression that continues at `exit`. Returns its entry. */
  #add(expression: Expression, exit: number, numberOf: (set: SetExpression) => number): number {
    const add = (part: Expression, to: number) => this.#add(part, to, numberOf);
    switch (expression.kind) {
      case 'set':
        return this.#addState(numberOf(expression), exit, exit);
      case 'sequence':
        return expression.parts.reduceRight((to, part) => add(part, to), exit);
      case 'choice':
        return expression.parts
          .map((part) => add(part, exit))
          .reduceRight((to, entry) => this.#addState(-1, entry, to));
      case 'repeat': {
        const { part, min, max } = expression;
        let to = exit;
        if (max === Number.POSITIVE_INFINITY) {
          to = this.#addState(-1, exit, exit);
          this.#first[to] = add(part, to);
        } else {
          for (let i = min; i < max; i++) to = this.#addState(-1, add(part, to), exit);
        }
        for (let i = 0; i < min; i++) to = add(part, to);
        return to;
      }
    }
  }

  #addState(reads: number, first: number, second: number): number {
    this.#reads.push(reads);
    this.#first.push(first);
    return this.#second.push(second) - 1;
  }

  #setNumber(tokens: readonly number[]): number {
    const key = tokens.join();
    const known = this.#setNumbers.get(key);
    if (known !== undefined) return known;
    this.#setTokens += tokens.length;
    if (this.#setTokens > this.#limits.setTokens) {
      throw new OptionError(
        this.#option,
        `its classes hold more than ${formatCount(this.#limits.setTokens)} of the model's characters, counted together: use fewer different classes`,
      );
    }
    this.#setNumbers.set(key, this.#sets.length);
    return this.#sets.push(Int32Array.from(tokens)) - 1;
  }

  /** Minimum tokens from each state to acceptance, by breadth-first search from the end. Forks cost nothing. */
  #measure(): Int32Array {
    const count = this.#reads.length;
    const distances = new Int32Array(count).fill(NEVER);
    const before: number[][] = Array.from({ length: count }, () => []);
    for (let state = 1; state < count; state++) {
      const reads = this.#reads[state] as number;
      if (reads >= 0 && this.#sets[reads]?.length === 0) continue;
      before[this.#first[state] as number]?.push(state);
      if (reads < 0) before[this.#second[state] as number]?.push(state);
    }
    distances[ACCEPT] = 0;
    let now = [ACCEPT];
    for (let distance = 0; now.length > 0; distance++) {
      const later: number[] = [];
      // The loop appends to `now`: a fork has the same distance as its target.
      for (const state of now) {
        if (distances[state] !== distance) continue;
        for (const other of before[state] ?? []) {
          const cost = (this.#reads[other] as number) < 0 ? 0 : 1;
          if ((distances[other] as number) <= distance + cost) continue;
          distances[other] = distance + cost;
          (cost === 0 ? now : later).push(other);
        }
      }
      now = later;
    }
    return distances;
  }

  /** The deterministic state of all states that the entries reach without reading a token. */
  #state(entries: readonly number[]): AutomatonState {
    const { members, accepts } = this.#closure(entries);
    const key = `${accepts ? '!' : ''}${members.join()}`;
    const known = this.#kept.get(key);
    if (known) return known;
    const bySet = new Map<number, number>();
    for (const member of members) {
      const set = this.#reads[member] as number;
      const distance = this.#distances[this.#first[member] as number] as number;
      if (distance < (bySet.get(set) ?? NEVER)) bySet.set(set, distance);
    }
    const distances = new Int32Array(this.#size).fill(NEVER);
    let nearest = NEVER;
    for (const [set, distance] of bySet) {
      nearest = Math.min(nearest, distance);
      for (const token of this.#sets[set] as Int32Array) {
        if (distance < (distances[token] as number)) distances[token] = distance;
      }
    }
    const state: AutomatonState = {
      distance: accepts ? 0 : nearest + 1,
      distances,
      nearest,
      members,
      next: new Map(),
    };
    this.#keep(key, state);
    return state;
  }

  #closure(entries: readonly number[]): { members: Int32Array; accepts: boolean } {
    this.#visit++;
    const members: number[] = [];
    let accepts = false;
    const open = [...entries];
    for (let state = open.pop(); state !== undefined; state = open.pop()) {
      if (this.#visited[state] === this.#visit) continue;
      this.#visited[state] = this.#visit;
      if (state === ACCEPT) accepts = true;
      else if ((this.#reads[state] as number) >= 0) {
        // Leaves out states from which no match can be reached.
        const reads = this.#sets[this.#reads[state] as number] as Int32Array;
        const leads = reads.length > 0 && this.#distances[this.#first[state] as number] !== NEVER;
        if (leads) members.push(state);
      } else open.push(this.#second[state] as number, this.#first[state] as number);
    }
    return { members: Int32Array.from(members).sort(), accepts };
  }

  /** Caches a state. If the cache would exceed its limit, it is emptied first. */
  #keep(key: string, state: AutomatonState): void {
    const numbers = this.#size + 2 * state.members.length;
    if (this.#keptNumbers + numbers > this.#limits.kept) {
      for (const old of this.#kept.values()) old.next.clear();
      this.#kept.clear();
      this.#keptNumbers = 0;
    }
    this.#kept.set(key, state);
    this.#keptNumbers += numbers;
  }
}

/** The symbols that an expression names, from left to right. */
function* symbolsOf(expression: Expression): Generator<string> {
  if (expression.kind === 'set') {
    if (expression.symbol !== undefined) yield expression.symbol;
  } else if (expression.kind === 'repeat') {
    yield* symbolsOf(expression.part);
  } else {
    for (const part of expression.parts) yield* symbolsOf(part);
  }
}

/** The number of states that an expression needs. */
function sizeOf(expression: Expression): number {
  switch (expression.kind) {
    case 'set':
      return 1;
    case 'repeat': {
      const { part, min, max } = expression;
      const size = sizeOf(part);
      return min * size + (max === Number.POSITIVE_INFINITY ? 1 + size : (max - min) * (1 + size));
    }
    default:
      return expression.parts.reduce((sum, part) => sum + sizeOf(part), expression.parts.length);
  }
}

/** Binary search. */
function includes(tokens: Int32Array, token: number): boolean {
  let low = 0;
  let high = tokens.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = tokens[middle] as number;
    if (found === token) return true;
    if (found < token) low = middle + 1;
    else high = middle - 1;
  }
  return false;
}
