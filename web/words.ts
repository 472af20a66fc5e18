/** Texts for the names and numbers of the library. */
import { capitalized } from '../src/util/capitalized.ts';

/** `learningRate` → `learning rate`. */
export function optionWords(name: string): string {
  return name.replace(/[A-Z]|\d+/g, (part) => ` ${part.toLowerCase()}`);
}

/** The names of options that a form shows, by their flags. */
export type OptionsByFlag = ReadonlyMap<string, string>;

const NO_FLAGS: OptionsByFlag = new Map();

/**
 * A message of the library for a reader of the pages: options, such as `hiddenSize` between backticks or the flag --rnn-size, are words in
 * quotation marks.
 *
 * @param flags Options whose words are not those of their flag.
 */
export function inWords(message: string, flags = NO_FLAGS): string {
  return message
    .replace(/`([a-z][A-Za-z0-9]*)`/g, (_, name: string) => `“${optionWords(name)}”`)
    .replace(/(?<![\w-])--([a-z][a-z0-9-]*)/g, (flag, words: string) => {
      const name = flags.get(flag);
      return `“${name === undefined ? words.replaceAll('-', ' ') : optionWords(name)}”`;
    });
}

/** A message of the library or the server, with a capital at its beginning. */
export function asSentence(message: string): string {
  return capitalized(message);
}

/** A character that can be read aloud. */
export function symbolName(symbol: string): string {
  return { ' ': 'space', '\n': 'line end', '\t': 'tab' }[symbol] ?? `“${symbol}”`;
}

/** `40 s`, `12 min`, `1.5 h`. */
export function shortDuration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** With a minus sign instead of a hyphen. */
export function signed(value: number, decimals = 2): string {
  return value.toFixed(decimals).replace('-', '−');
}
