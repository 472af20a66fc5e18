/** Which of some models predicts a text best, from their losses in the same blocks of its bytes. */
import type { TokenKind, Vocabulary } from '../data/vocabulary.ts';
import { TextError } from '../errors.ts';
import { formatCount } from '../util/format.ts';
import { type Interval, pairedBootstrap } from './bootstrap.ts';
import type { ByteBlocks, ByteMap } from './byte-blocks.ts';
import { sumOf } from './summary.ts';

/** A text as one model reads it. */
export interface Reading {
  /** What to call the model in messages. */
  readonly name: string;
  readonly vocabulary: Vocabulary;
  readonly map: ByteMap;
}

export interface ComparedModel {
  readonly name: string;
  /** Mean loss of a unit, in bits. */
  readonly bits: number;
  /** What this model loses more than the best one, in bits a unit; absent for the best. */
  readonly behindBest?: Interval;
}

export interface Comparison {
  /** What the bits are counted by: bytes of UTF-8 where the models have different symbols. */
  readonly unit: TokenKind;
  /** How many were predicted. */
  readonly count: number;
  readonly blocks: number;
  /** The best first. */
  readonly models: readonly ComparedModel[];
}

/**
 * Models are compared on the bytes of one text: all must read the whole of it, and none may have one symbol for many.
 *
 * @throws {TextError} `text-not-comparable`
 */
export function checkComparable(readings: readonly Reading[]): void {
  const [first, ...others] = readings;
  for (const { name, map } of readings) {
    if (map.unknown === 0) continue;
    throw new TextError(
      'text-not-comparable',
      `${name} reads ${formatCount(map.unknown)} characters of the text as its one unknown symbol, which is easier than to tell them apart: ` +
        'its loss is not that of the whole text. Compare on a text whose characters it knows.',
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

/** Fewer blocks say nothing of chance. */
const LEAST_BLOCKS = 10;

/**
 * @param measured One for each reading, in blocks of the same bytes.
 * @throws {TextError} `text-too-short` where what was predicted makes fewer than ten blocks
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
  // Where blocks are small some hold no beginning of a symbol: the first, or one within a long symbol.
  const holds = (_: number, block: number) => all[block] !== 0;
  const sizes = all.filter(holds);
  if (sizes.length < LEAST_BLOCKS) {
    throw new TextError(
      'text-too-short',
      `the text is too short to compare models on: blocks in it: ${sizes.length}, expected at least ${LEAST_BLOCKS}. Give a longer one.`,
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
