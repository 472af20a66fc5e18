/** Checks the body of a request for curves. */
import * as z from 'zod/mini';
import {
  checkFields,
  field,
  invalidField,
  isListOf,
  isText,
  numberField,
} from '../../server/http/request-fields.ts';
import { CURVE_AXES, type CurvesRequest, METRICS } from '../protocol.ts';

const MAX_IDS = 1000;

const schema = z.object({
  x: field(z.enum(CURVE_AXES), `one of ${CURVE_AXES.join(', ')}`),
  from: numberField(-1e12, 1e12),
  to: numberField(-1e12, 1e12),
  bins: field(z.int().check(z.minimum(1), z.maximum(4000)), 'a whole number from 1 to 4000'),
  smoothing: numberField(0, 0.999),
});

/** @throws {ApiError} 400 for the first field that is not valid */
export function curvesRequest(body: unknown): CurvesRequest {
  const fields = checkFields(schema, body, false);
  const { ids, metrics = ['trainLoss'] } = body as { readonly ids?: unknown; readonly metrics?: unknown };
  if (!isListOf(ids, isText) || ids.length > MAX_IDS)
    throw invalidField('ids', `expected 1 to ${MAX_IDS} ids of runs`);
  if (!isListOf(metrics, isMetric) || metrics.length > METRICS.length)
    throw invalidField('metrics', `expected a list of ${METRICS.join(', ')}`);
  const given = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);
  return { ids: [...new Set(ids)], metrics: [...new Set(metrics)], ...Object.fromEntries(given) };
}

function isMetric(value: unknown): value is (typeof METRICS)[number] {
  return METRICS.some((metric) => metric === value);
}
