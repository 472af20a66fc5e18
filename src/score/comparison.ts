/** Compares models by how well they predict a text, from their losses in the same blocks of its bytes. */
import type { TokenKind, Vocabulary } from '../data/vocabulary.ts';
import { TextError } from '../errors.ts';
import { counted, formatCount } from '../util/format.ts';
import { type Interval, pairedBootstrap } from './bootstrap.ts';
import type { ByteBlocks, ByteMap } from './byte-blocks.ts';
import { sumOf } from './summary.ts';

/** How one model reads the text. */
export interface Reading {
  /** The name of the model in messages. */
  readonly name: string;
  readonly vocabulary: Vocabulary;
  readonly map: ByteMap;
}

export interface ComparedModel {
  readonly name: string;
  /** Mean loss, in bits per unit. */
  readonly bits: number;
  /** How much larger its loss is than that of the best model, in bits per unit; undefined for the best. */
  readonly behindBest?: Interval;
}

export interface Comparison {
  /** The unit of the losses: the models' symbols, or bytes of UTF-8 if their symbols differ. */
  readonly unit: TokenKind;
  /** Predicted units. */
  readonly count: number;
  readonly blocks: number;
  /** The best first. */
  readonly models: readonly ComparedModel[];
}

/**
 * Checks that models can be compared on a text: all must read the same bytes, and none may read several characters as one unknown symbol.
 *
 * @throws {TextError} `text-not-comparable` if not
 */
export function checkComparable(readings: readonly Reading[]): void {
  const [first, ...others] = readings;
  for (const { name, map } of readings) {
    if (map.unknown === 0) continue;
    throw new TextError(
      'text-not-comparable',
      `${name} reads ${counted(map.unknown, 'character')} of the text as its one unknown symbol, which is easier to predict than the characters: ` +
        "its loss can't be compared. Compare on a text whose characters it knows.",
    );
  }
  for (const { name, map } of others) {
    if (!first || map.bytes === first.map.bytes) continue;
    throw new TextError(
      'text-not-comparable',
      `${first.name} reads the text as ${formatCount(first.map.bytes)} bytes, ${name} as ${formatCount(map.bytes)}: ` +
        'one of them normalises it or leaves characters out. Compare on a text that both read unchanged.',
    );
  }
}

/** With fewer blocks, differences can't be distinguished from chance. */
const MIN_BLOCKS = 10;

/**
 * Ranks models by their mean loss, with an interval for each difference from the best.
 *
 * @param measured The losses of each reading, in blocks of the same bytes.
 * @throws {TextError} `text-too-short` if the predicted text has fewer than ten blocks
 */
export function compareModels(
  readings: readonly Reading[],
  measured: readonly ByteBlocks[],
  seed: number,
): Comparison {
  const kinds = new Set(readings.map(({ vocabulary }) => vocabulary.kind));
  const [kind = 'byte', ...others] = kinds;
  const unit = others.length === 0 ? kind : 'byte';
  const all = (unit === 'byte' ? measured[0]?.bytes : measured[0]?.symbols) ?? new Float64Array();
  const count = sumOf(all);
  // No symbol may begin in a small block: in the first one, or in one within a long symbol.
  const holds = (_: number, block: number) => all[block] !== 0;
  const sizes = all.filter(holds);
  if (sizes.length < MIN_BLOCKS) {
    throw new TextError(
      'text-too-short',
      `the text is too short to compare models: got ${sizes.length} ${sizes.length === 1 ? 'block' : 'blocks'}, expected at least ${MIN_BLOCKS}. Give a longer text.`,
    );
  }
  const ranked = readings
    .map(({ name }, index) => ({ name, nats: (measured[index] as ByteBlocks).nats }))
    .map((model) => ({ ...model, bits: sumOf(model.nats) / Math.LN2 / count }))
    .sort((a, b) => a.bits - b.bits);
  const best = ranked[0];
  const models = ranked.map(({ name, bits, nats }, rank) => {
    if (rank === 0 || !best) return { name, bits };
    const differences = nats
      .map((value, block) => (value - (best.nats[block] as number)) / Math.LN2)
      .filter(holds);
    return { name, bits, behindBest: pairedBootstrap({ differences, sizes }, seed) };
  });
  return { unit, count, blocks: sizes.length, models };
}
