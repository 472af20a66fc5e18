/** The fields of requests that set sampling filters. They follow from the options of the filters. */
import type * as z from 'zod/mini';
import { type ControlOptions, controlsSchema } from '../../sample/choice/controls.ts';
import { controlOptions } from '../../sample/choice/filters.ts';
import { checkOptions, describeType } from '../../util/check-options.ts';
import { field, limitField, numberField } from '../http/request-fields.ts';
import { CONTROL_OPTIONS, fieldNameOf } from './field-names.ts';

interface ControlField {
  readonly type: z.ZodMiniType;
  /** The option's value of the field's. */
  readonly toOption?: (value: number) => number;
}

/** Fields whose range is OpenAI's, or whose values mean more than the option's. */
const OWN_FIELDS: Readonly<Record<string, ControlField>> = {
  temperature: { type: numberField(0, 2) },
  // OpenAI allows 0, which leaves the likeliest token alone.
  topP: { type: numberField(0, 1), toOption: (value) => value || Number.MIN_VALUE },
  presencePenalty: { type: numberField(-2, 2) },
  frequencyPenalty: { type: numberField(-2, 2) },
  // Many clients send -1 for all.
  topK: { type: limitField(), toOption: (value) => Math.max(0, value) },
};

const CONTROL_FIELDS = CONTROL_OPTIONS.map((option) => {
  const schema = controlOptions[option as keyof ControlOptions];
  const own = OWN_FIELDS[option] ?? { type: field(schema, describeType(schema).expected) };
  return { option, name: fieldNameOf(option) ?? option, ...own };
});

/** By name, for the schema of a request. Their names are not in its type: `controlsOf` alone reads them. */
export const controlFields: Readonly<Record<never, z.ZodMiniType>> = Object.fromEntries(
  CONTROL_FIELDS.map(({ name, type }) => [name, type]),
);

/** The controls that a request's checked fields ask for. OpenAI's penalties count all of the text, not the end of it alone. */
export function controlsOf(fields: Readonly<Record<string, unknown>>): ControlOptions {
  const asked = CONTROL_FIELDS.flatMap(({ option, name, toOption }) => {
    const value = fields[name] ?? undefined;
    if (value === undefined) return [];
    return [[option, toOption && typeof value === 'number' ? toOption(value) : value]];
  });
  return checkOptions(controlsSchema, { penaltyWindow: 0, ...Object.fromEntries(asked) });
}
