/** A naive implementation of `src/sample/choice/token-chooser.ts`: computes the probabilities in the documented order, by sorting. */
import type { ControlOptions } from '../../src/sample/choice/controls.ts';

export interface TwinState {
  /** Tokens drawn so far. */
  readonly history: number[];
  /** Maximum surprise, in bits. */
  surpriseLimit: number;
}

interface Entry {
  readonly token: number;
  readonly log: number;
  p: number;
}

export type Twin = ReturnType<typeof naiveFilters>;

/** @param logitBias [V], −∞ for banned tokens. */
export function naiveFilters(options: ControlOptions, logitBias: readonly number[]) {
  const state: TwinState = { history: [], surpriseLimit: 2 * options.mirostat };
  let beforeMirostat: Entry[] = [];

  function probabilities(logs: readonly number[]): number[] {
    const { penaltyWindow: window, temperatureRange: range } = options;
    const recent = window === 0 ? state.history : state.history.slice(-window);
    let left: Entry[] = logs.flatMap((log, token) => {
      const times = recent.filter((other) => other === token).length;
      const penalized =
        times === 0
          ? log
          : log * options.repetitionPenalty - options.presencePenalty - options.frequencyPenalty * times;
      const biased = penalized + (logitBias[token] as number);
      return biased === Number.NEGATIVE_INFINITY ? [] : [{ token, log: biased, p: 0 }];
    });
    let temperature = options.temperature;
    if (range > 0) {
      const share = entropyOf(softmax(left, 1)) / Math.log(left.length);
      temperature += range * (2 * share - 1);
    }
    left = softmax(left, temperature);
    if (options.topK > 0) left = renormalize(byFalling(left, ({ p }) => p).slice(0, options.topK));
    if (options.topP < 1)
      left = prefix(
        byFalling(left, ({ p }) => p),
        options.topP,
      );
    const largest = Math.max(...left.map(({ p }) => p));
    left = renormalize(left.filter(({ p }) => p >= options.minP * largest));
    if (options.typicalP < 1) {
      const entropy = entropyOf(left);
      left = prefix(
        byFalling(left, ({ p }) => -Math.abs(-Math.log(p) - entropy)),
        options.typicalP,
      );
    }
    beforeMirostat = left;
    if (options.mirostat > 0) {
      const most = Math.max(...left.map(({ p }) => p));
      left = renormalize(left.filter(({ p }) => p === most || -Math.log2(p) <= state.surpriseLimit));
    }
    const row = logs.map(() => 0);
    for (const { token, p } of left) row[token] = p;
    return row;
  }

  /** Records the token that was drawn from the last probabilities. */
  function draw(token: number): void {
    state.history.push(token);
    const p = beforeMirostat.find((entry) => entry.token === token)?.p ?? 1;
    if (options.mirostat > 0)
      state.surpriseLimit -= options.mirostatRate * (-Math.log2(p) - options.mirostat);
  }

  return { probabilities, draw };
}

function softmax(entries: readonly Entry[], temperature: number): Entry[] {
  const largest = Math.max(...entries.map(({ log }) => log));
  return renormalize(
    entries.map((entry) => ({ ...entry, p: Math.exp((entry.log - largest) / temperature) })),
  );
}

function renormalize(entries: readonly Entry[]): Entry[] {
  const sum = entries.reduce((total, { p }) => total + p, 0);
  return entries.map((entry) => ({ ...entry, p: entry.p / sum }));
}

function byFalling(entries: readonly Entry[], key: (entry: Entry) => number): Entry[] {
  return [...entries].sort((a, b) => key(b) - key(a) || a.token - b.token);
}

/** The shortest start of the list whose total reaches a fraction. */
function prefix(entries: readonly Entry[], share: number): Entry[] {
  let end = 0;
  for (let reached = 0; end < entries.length && reached < share; end++) reached += (entries[end] as Entry).p;
  return renormalize(entries.slice(0, end));
}

function entropyOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, { p }) => sum - (p > 0 ? p * Math.log(p) : 0), 0);
}
