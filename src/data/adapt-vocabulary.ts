/** A model's vocabulary and a text with other symbols: what `initFrom` with `initVocabulary` makes of the two. */
import { CheckpointError } from '../errors.ts';
import { formatCount } from '../util/format.ts';
import { quotedSymbol } from './symbols/symbol-text.ts';
import { compareCodePoints, type TokenKind, Vocabulary } from './vocabulary.ts';

/** `extend`: the symbols of model and text; `match`: those of the text alone. */
export type VocabularyChange = 'extend' | 'match';

/** Symbols that a notice shows before it only counts. */
const SHOWN = 32;

/**
 * The vocabulary of a run that starts from a model's weights.
 *
 * There is an unknown symbol where the text's vocabulary has one and, with `extend`, where the model's has.
 *
 * @param known The model's.
 * @param own The text's.
 * @throws {CheckpointError} `checkpoint-vocabulary` when the two are not of one kind of symbol
 */
export function adaptVocabulary(known: Vocabulary, own: Vocabulary, change: VocabularyChange): Vocabulary {
  checkSameKind(known, own.kind);
  if (change === 'match') return own;
  return new Vocabulary({
    kind: own.kind,
    normalize: own.normalize,
    symbols: [...new Set([...known.symbols, ...own.symbols])].sort(compareCodePoints),
    hasUnknown: known.hasUnknown || own.hasUnknown,
    unicodeVersion: own.unicodeVersion,
  });
}

/** @throws {CheckpointError} `checkpoint-vocabulary` when a model can't take symbols of a kind */
export function checkSameKind(known: Vocabulary, kind: TokenKind): void {
  if (kind === known.kind) return;
  throw new CheckpointError(
    'checkpoint-vocabulary',
    `the checkpoint to start from knows ${known.kind}s, but the text is read as ${kind}s: the model's weights cannot be reused.\n` +
      `Read the text with \`tokens\` ${known.kind}, or train a new model, without \`initFrom\`.`,
  );
}

/** Which symbols were kept, added, dropped or are idle, a line each. */
export function adaptationNotices(known: Vocabulary, own: Vocabulary, change: VocabularyChange): string[] {
  const added = own.symbols.filter((symbol) => known.tokenOf(symbol) === undefined);
  const unused = known.symbols.filter((symbol) => own.tokenOf(symbol) === undefined);
  const common = formatCount(known.symbols.length - unused.length);
  // The text's vocabulary has an unknown symbol where `minCount` left rare ones out of it.
  const [present, absent] = own.hasUnknown
    ? ['are frequent enough in the text', 'not in the text or too rare in it']
    : ['are in the text', 'not in the text'];
  const fate = change === 'extend' ? `${absent}, kept as they are` : `${absent}, dropped from the model`;
  return [
    `\`initVocabulary\` ${change}: ${common} of the checkpoint's ${formatCount(known.symbols.length)} ${known.kind}s ${present}`,
    ...listed('new to the model, with the initial values of the seed', added, known.kind),
    ...listed(fate, unused, known.kind),
  ];
}

function listed(what: string, symbols: readonly string[], kind: TokenKind): string[] {
  if (symbols.length === 0) return [];
  const shown = symbols.slice(0, SHOWN).map((symbol) => quotedSymbol(symbol, kind));
  const more = symbols.length > SHOWN ? ` and ${formatCount(symbols.length - SHOWN)} more` : '';
  return [`${formatCount(symbols.length)} ${what}: ${shown.join(' ')}${more}`];
}
