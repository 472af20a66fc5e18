/** The vocabulary of a run with `initFrom` and `initVocabulary`, from the model's vocabulary and the text's. */
import { CheckpointError } from '../errors.ts';
import { formatCount } from '../util/format.ts';
import { quotedSymbol } from './symbols/symbol-text.ts';
import { compareCodePoints, type TokenKind, Vocabulary } from './vocabulary.ts';

/** `extend`: the symbols of the model and the text; `match`: only those of the text. */
export type VocabularyChange = 'extend' | 'match';

/** A notice lists this many symbols and counts the rest. */
const MAX_SHOWN = 32;

/**
 * The vocabulary of a run that starts from a model's weights.
 *
 * It has an unknown symbol if the text's vocabulary has one, or, with `extend`, if the model's has one.
 *
 * @param known The model's vocabulary.
 * @param own The text's vocabulary.
 * @throws {CheckpointError} `checkpoint-vocabulary` if their symbols are of different kinds
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

/** @throws {CheckpointError} `checkpoint-vocabulary` if the model's symbols are of another kind */
export function checkSameKind(known: Vocabulary, kind: TokenKind): void {
  if (kind === known.kind) return;
  throw new CheckpointError(
    'checkpoint-vocabulary',
    `the checkpoint to start from knows ${known.kind}s, but the text is read as ${kind}s: the model's weights cannot be reused.\n` +
      `Read the text with \`tokens\` ${known.kind}, or train a new model, without \`initFrom\`.`,
  );
}

/** Lines that list which symbols were kept, added or dropped, or do not occur in the text. */
export function adaptationNotices(known: Vocabulary, own: Vocabulary, change: VocabularyChange): string[] {
  const added = own.symbols.filter((symbol) => known.tokenOf(symbol) === undefined);
  const unused = known.symbols.filter((symbol) => own.tokenOf(symbol) === undefined);
  const common = formatCount(known.symbols.length - unused.length);
  // The text's vocabulary has an unknown symbol if `minCount` excluded rare symbols.
  const [present, absent] = own.hasUnknown
    ? ['are frequent enough in the text', 'not in the text or too rare in it']
    : ['are in the text', 'not in the text'];
  const fate = change === 'extend' ? `${absent}, kept as they are` : `${absent}, dropped from the model`;
  return [
    `\`initVocabulary\` ${change}: ${common} of the checkpoint's ${formatCount(known.symbols.length)} ${known.kind}s ${present}`,
    ...listed('new to the model, initialised from the seed', added, known.kind),
    ...listed(fate, unused, known.kind),
  ];
}

function listed(what: string, symbols: readonly string[], kind: TokenKind): string[] {
  if (symbols.length === 0) return [];
  const shown = symbols.slice(0, MAX_SHOWN).map((symbol) => quotedSymbol(symbol, kind));
  const more = symbols.length > MAX_SHOWN ? ` and ${formatCount(symbols.length - MAX_SHOWN)} more` : '';
  return [`${formatCount(symbols.length)} ${what}: ${shown.join(' ')}${more}`];
}
