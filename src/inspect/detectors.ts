/**
 * What a unit may have learned to track. For each position in a text, a detector gives a number that depends on the symbols up to and
 * including that position.
 *
 * Karpathy, Johnson & Fei-Fei 2015, "Visualizing and understanding recurrent networks", found units for quotes, line lengths, indentation
 * and brackets by hand; here, they are found by correlation.
 */
export type Detector = (symbols: readonly string[]) => Float32Array;

/** Counters stop at this value, because units saturate too. */
const LONGEST_LINE = 120;
const LONGEST_WORD = 12;
const LONGEST_SENTENCE = 150;
const DEEPEST = 4;

const isLetter = (symbol: string) => /^\p{L}/u.test(symbol);
const isCapital = (symbol: string) => symbol !== symbol.toLowerCase();
const indicator = (holds: boolean) => (holds ? 1 : 0);

/** A detector that reads the symbols one by one. @param start Returns a function with its own state. */
function scan(start: () => (symbol: string) => number): Detector {
  return (symbols) => {
    const step = start();
    return Float32Array.from(symbols, step);
  };
}

const ofSymbol = (holds: (symbol: string) => boolean): Detector =>
  scan(() => (symbol) => indicator(holds(symbol)));

/** The number of symbols since the last one for which `resets` is true; 0 at that symbol. */
const countSince = (resets: (symbol: string) => boolean, most: number): Detector =>
  scan(() => {
    let count = 0;
    return (symbol) => {
      count = resets(symbol) ? 0 : Math.min(most, count + 1);
      return count;
    };
  });

const bracketDepth = (open: string, close: string): Detector =>
  scan(() => {
    let depth = 0;
    return (symbol) => {
      if (symbol === open) depth++;
      else if (symbol === close && depth > 0) depth--;
      return Math.min(depth, DEEPEST);
    };
  });

/** Within straight or curly double quotes. An empty line ends an unclosed quotation. */
const insideQuotes = scan(() => {
  let isInside = false;
  let last = '';
  return (symbol) => {
    if (symbol === '"') isInside = !isInside;
    else if (symbol === '“') isInside = true;
    else if (symbol === '”' || (symbol === '\n' && last === '\n')) isInside = false;
    last = symbol;
    return indicator(isInside);
  };
});

const firstLetter = scan(() => {
  let wasLetter = false;
  return (symbol) => {
    const isFirst = isLetter(symbol) && !wasLetter;
    wasLetter = isLetter(symbol);
    return indicator(isFirst);
  };
});

/** Two or more capitals in a row, with spaces between them. */
const runOfCapitals = scan(() => {
  let count = 0;
  return (symbol) => {
    if (symbol !== ' ') count = isCapital(symbol) ? count + 1 : 0;
    return indicator(count > 1);
  };
});

/** Blanks at the start of the line. */
const indentation = scan(() => {
  let blanks = 0;
  let isAtStart = true;
  return (symbol) => {
    if (symbol === '\n') {
      blanks = 0;
      isAtStart = true;
    } else if (isAtStart && /^[ \t]$/.test(symbol)) blanks++;
    else isAtStart = false;
    return Math.min(blanks, LONGEST_LINE);
  };
});

/** 1 after an empty line, then falling to 1/e after 20 symbols. */
const afterEmptyLine = scan(() => {
  let lineEnds = 0;
  let since = Number.POSITIVE_INFINITY;
  return (symbol) => {
    lineEnds = symbol === '\n' ? lineEnds + 1 : 0;
    since = lineEnds >= 2 ? 0 : since + 1;
    return Math.exp(-since / 20);
  };
});

const insideTag = scan(() => {
  let isInside = false;
  return (symbol) => {
    if (symbol === '<') isInside = true;
    const now = indicator(isInside);
    if (symbol === '>') isInside = false;
    return now;
  };
});

/** The detectors, by the names that labels have. */
export const DETECTORS: Readonly<Record<string, Detector>> = {
  'inside quotes': insideQuotes,
  'position in line': countSince((symbol) => symbol === '\n', LONGEST_LINE),
  'position in word': countSince((symbol) => !isLetter(symbol), LONGEST_WORD),
  'within a word': ofSymbol(isLetter),
  'first letter of a word': firstLetter,
  'capital letter': ofSymbol(isCapital),
  'run of capitals': runOfCapitals,
  vowel: ofSymbol((symbol) => /^[aeiou]/i.test(symbol)),
  'space or line end': ofSymbol((symbol) => /^\s/.test(symbol)),
  'line end': ofSymbol((symbol) => symbol === '\n'),
  'after an empty line': afterEmptyLine,
  'since the end of a sentence': countSince((symbol) => /^[.!?:]/.test(symbol), LONGEST_SENTENCE),
  punctuation: ofSymbol((symbol) => /^\p{P}/u.test(symbol)),
  digit: ofSymbol((symbol) => /^\d/.test(symbol)),
  'depth of ( )': bracketDepth('(', ')'),
  'depth of { }': bracketDepth('{', '}'),
  'depth of [ ]': bracketDepth('[', ']'),
  indentation,
  'inside < >': insideTag,
};
