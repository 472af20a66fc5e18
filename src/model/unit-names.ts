/** Names of units: `2.108` is unit 108 of layer 2, both numbered from 1, and `2.108.c` is its part c. Without a part, it is h. */

export interface UnitName {
  readonly layer: number;
  readonly unit: number;
  readonly part: string;
}

/** The parts of a name. Returns undefined for a text that is no name; whether a model has the unit is not checked. */
export function parseUnitName(name: string): UnitName | undefined {
  const [, layer, unit, part = 'h'] = /^(\d{1,4})\.(\d{1,6})(?:\.([a-z]))?$/.exec(name) ?? [];
  return layer === undefined ? undefined : { layer: Number(layer), unit: Number(unit), part };
}

/** Whether a model has this layer and this unit in it. */
export function hasUnit(
  { layers, hiddenSize }: { readonly layers: number; readonly hiddenSize: number },
  { layer, unit }: Pick<UnitName, 'layer' | 'unit'>,
): boolean {
  const isWithin = (number: number, last: number) =>
    Number.isInteger(number) && number >= 1 && number <= last;
  return isWithin(layer, layers) && isWithin(unit, hiddenSize);
}
