/** The options that control which token is drawn, and their values for a vocabulary. docs/sampling.md lists them in order. */
import * as z from 'zod/mini';
import { segment } from '../../data/symbols/tokenizer.ts';
import type { Vocabulary } from '../../data/vocabulary.ts';
import type { Engine } from '../../engine/engine.ts';
import { OptionError } from '../../errors.ts';
import { activeSettings, isActive } from './filter.ts';
import { BIAS_EXPECTED, controlOptions, FILTERS, penalties } from './filters.ts';

export const controlsSchema = z.strictObject(controlOptions);
export type ControlOptions = z.output<typeof controlsSchema>;

/** The options resolved for a vocabulary, shared by all sequences of a call. */
export interface Controls extends ControlOptions {
  readonly vocabularySize: number;
  /** [V], added to the log-probabilities; −∞ for a token that must never be drawn. Undefined if all would be zero. */
  readonly logitBias: Float64Array | undefined;
  /** Whether any penalty is active. */
  readonly hasPenalties: boolean;
}

/** Whether the engine's `generate`, which makes many steps in a call, can apply these controls. */
export function canDraw(engine: Engine, controls: Controls): boolean {
  return unsupportedControl(engine.description.capabilities.drawControls, controls) === undefined;
}

/** The first active control that is not in the set; undefined if all are. */
export function unsupportedControl(supported: ReadonlySet<string>, controls: Controls): string | undefined {
  return FILTERS.flatMap((filter) => activeSettings(filter, controls)).find((name) => !supported.has(name));
}

/**
 * Resolves the options for a vocabulary.
 *
 * @throws {OptionError} if they contradict each other, or leave nothing to draw
 */
export function resolveControls(vocabulary: Vocabulary, options: ControlOptions): Controls {
  const { temperature, temperatureRange, ban, only, bias } = options;
  if (temperatureRange > temperature) {
    throw new OptionError(
      'temperatureRange',
      `got ${temperatureRange}, expected a number of at most the temperature, ${temperature}`,
    );
  }
  const isBiased = ban !== '' || only !== '' || Object.keys(bias).length > 0;
  return {
    ...options,
    vocabularySize: vocabulary.size,
    logitBias: isBiased || vocabulary.hasUnknown ? logitBiasOf(vocabulary, ban, only, bias) : undefined,
    hasPenalties: isActive(penalties, options),
  };
}

/** A line for each option that names characters that the model does not know. */
export function controlNotices(
  vocabulary: Vocabulary,
  { ban, only }: Pick<ControlOptions, 'ban' | 'only'>,
): string[] {
  const missing = (option: string, characters: string) =>
    [...new Set(symbolsOf(vocabulary, option, characters))]
      .filter((symbol) => vocabulary.tokenOf(symbol) === undefined)
      .map((symbol) => JSON.stringify(symbol))
      .join(', ');
  const [banned, allowed] = [missing('ban', ban), missing('only', only)];
  return [
    ...(banned ? [`the model does not know ${banned}, so banning it has no effect`] : []),
    ...(allowed ? [`the model does not know ${allowed}, and can't draw it`] : []),
  ];
}

function logitBiasOf(
  vocabulary: Vocabulary,
  ban: string,
  only: string,
  bias: ControlOptions['bias'],
): Float64Array {
  const logitBias = new Float64Array(vocabulary.size);
  for (const [symbol, value] of biasEntries(vocabulary, bias)) {
    const token = vocabulary.tokenOf(symbol);
    if (token === undefined) {
      throw new OptionError('bias', `${JSON.stringify(symbol)} is not in the model's vocabulary`);
    }
    logitBias[token] = value;
  }
  if (only !== '') {
    const allowed = new Set(symbolsOf(vocabulary, 'only', only));
    vocabulary.symbols.forEach((symbol, token) => {
      if (!allowed.has(symbol)) logitBias[token] = Number.NEGATIVE_INFINITY;
    });
  }
  for (const symbol of symbolsOf(vocabulary, 'ban', ban)) {
    const token = vocabulary.tokenOf(symbol);
    if (token !== undefined) logitBias[token] = Number.NEGATIVE_INFINITY;
  }
  if (vocabulary.unknownToken !== undefined) logitBias[vocabulary.unknownToken] = Number.NEGATIVE_INFINITY;
  if (logitBias.every((value) => value === Number.NEGATIVE_INFINITY)) {
    throw new OptionError(only === '' ? 'ban' : 'only', "it leaves none of the model's characters to draw");
  }
  return logitBias;
}

/**
 * Cuts an option's characters into symbols of the model.
 *
 * @throws {OptionError} for a non-ASCII character if the model is over bytes: banning or allowing each of its bytes would ban or allow
 *   parts of other characters
 */
function symbolsOf(vocabulary: Vocabulary, option: string, characters: string): string[] {
  const { kind } = vocabulary;
  const several = kind === 'byte' ? /[^\0-\x7f]/u.exec(characters) : null;
  if (several) {
    throw new OptionError(
      option,
      `got ${JSON.stringify(several[0])}, which is several bytes to this model: it draws bytes one by one. Expected ASCII characters`,
    );
  }
  return [...segment(vocabulary.normalized(characters), kind)];
}

/** A character, =, a number. The character may be a comma or an equals sign: `,=-1`, `==2`. */
const BIAS = /(.+?)=([+-]?(?:\d+\.?\d*|\.\d+))(?:,|$)/suy;

/** The bias of each symbol. If `bias` is an object, its keys are symbols of the vocabulary: for a model over bytes, U+0000–U+00FF. */
function biasEntries(vocabulary: Vocabulary, bias: ControlOptions['bias']): [string, number][] {
  if (typeof bias !== 'string') {
    if (vocabulary.kind === 'byte') return Object.entries(bias);
    return Object.entries(bias).map(([name, value]) => [symbolsOf(vocabulary, 'bias', name).join(''), value]);
  }
  const entries: [string, number][] = [];
  BIAS.lastIndex = 0;
  while (BIAS.lastIndex < bias.length) {
    const at = BIAS.lastIndex;
    const found = BIAS.exec(bias);
    if (!found || Math.abs(Number(found[2])) > 1000) {
      throw new OptionError('bias', `got ${JSON.stringify(bias.slice(at))}, expected ${BIAS_EXPECTED}`);
    }
    const symbols = symbolsOf(vocabulary, 'bias', found[1] as string);
    entries.push([symbols.join(''), Number(found[2])]);
  }
  return entries;
}
