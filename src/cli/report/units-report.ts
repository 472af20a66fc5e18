/** What `char-rnn inspect --units` shows: the units that track something, as a table. */
import { LEAST_SYMBOLS, type UnitLabel } from '../../inspect/label-units.ts';
import { formatCount } from '../../util/format.ts';

/** The text on which units were labelled. */
export interface LabelledText {
  readonly name: string;
  readonly symbols: number;
}

export function unitName({ layer, unit }: Pick<UnitLabel, 'layer' | 'unit'>): string {
  return `${layer}.${unit}`;
}

/** A correlation with its sign. */
function signed(r: number): string {
  return `${r < 0 ? '−' : '+'}${Math.abs(r).toFixed(2)}`;
}

export function unitsLines(labels: readonly UnitLabel[], { name, symbols }: LabelledText): string[] {
  const shown = labels.filter(({ label }) => label !== undefined);
  const about = `in ${name} (${formatCount(symbols)} symbols)`;
  if (symbols < LEAST_SYMBOLS)
    return [
      `${name} has ${formatCount(symbols)} symbols, expected at least ${LEAST_SYMBOLS}: on a shorter text, correlations are high by chance. 2,000 or more are better.`,
    ];
  if (shown.length === 0)
    return [
      `none of the ${formatCount(labels.length)} units tracks anything ${about} clearly better than the network did before training.`,
    ];
  const width = Math.max(...shown.map(({ label }) => label?.length ?? 0), 'tracks'.length);
  return [
    `units that track something ${about}`,
    `  ${'unit'.padEnd(8)} ${'tracks'.padEnd(width)}      r  before training`,
    ...shown.map(
      ({ label = '', r, untrained, ...own }) =>
        `  ${unitName(own).padEnd(8)} ${label.padEnd(width)}  ${signed(r)}  ${untrained.toFixed(2)}`,
    ),
    `${formatCount(shown.length)} of ${formatCount(labels.length)} units. r: the correlation, negative if the unit is low where this is high; before training: the highest of any unit.`,
  ];
}

export function unitsJson(labels: readonly UnitLabel[], { name, symbols }: LabelledText) {
  return { text: name, symbols, units: labels };
}
