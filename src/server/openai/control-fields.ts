/** The fields of requests that set sampling filters, derived from the options of the filters. */
import type * as z from 'zod/mini';
import { type ControlOptions, controlsSchema } from '../../sample/choice/controls.ts';
import { controlOptions } from '../../sample/choice/filters.ts';
import { checkOptions, describeType } from '../../util/check-options.ts';
import { field, limitField, numberField } from '../http/request-fields.ts';
import { CONTROL_OPTIONS, fieldNameOf } from './field-names.ts';

interface ControlField {
  readonly type: z.ZodMiniType;
  /** Converts the field's value to the option's. */
  readonly toOption?: (value: number) => number;
}

/** Fields that have OpenAI's range, or that accept more values than the option. */
const OWN_FIELDS: Readonly<Record<string, ControlField>> = {
  temperature: { type: numberField(0, 2) },
  // OpenAI allows 0, which keeps only the likeliest token.
  topP: { type: numberField(0, 1), toOption: (value) => value || Number.MIN_VALUE },
  presencePenalty: { type: numberField(-2, 2) },
  frequencyPenalty: { type: numberField(-2, 2) },
  // Many clients send -1 for no limit.
  topK: { type: limitField(), toOption: (value) => Math.max(0, value) },
};

const CONTROL_FIELDS = CONTROL_OPTIONS.map((option) => {
  const schema = controlOptions[option as keyof ControlOptions];
  const own = OWN_FIELDS[option] ?? { type: field(schema, describeType(schema).expected) };
  return { option, name: fieldNameOf(option) ?? option, ...own };
});

/** The fields by name, for the schema of a request. The type does not list the names, because only `controlsOf` reads the fields. */
export const controlFields: Readonly<Record<never, z.ZodMiniType>> = Object.fromEntries(
  CONTROL_FIELDS.map(({ name, type }) => [name, type]),
);

/** The controls of a request, from its checked fields. As in OpenAI's API, the penalty window is the whole text. */
export function controlsOf(fields: Readonly<Record<string, unknown>>): ControlOptions {
  const asked = CONTROL_FIELDS.flatMap(({ option, name, toOption }) => {
    const value = fields[name] ?? undefined;
    if (value === undefined) return [];
    return [[option, toOption && typeof value === 'number' ? toOption(value) : value]];
  });
  return checkOptions(controlsSchema, { penaltyWindow: 0, ...Object.fromEntries(asked) });
}
