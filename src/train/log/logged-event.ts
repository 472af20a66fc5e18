/** The format of the log: each event is one line of JSON, with the time and without the model (docs/log.md). */
import * as z from 'zod/mini';
import { withinJsonLimits } from '../../util/json-limits.ts';
import type { FinishedEvent, StartedEvent, TrainingEvent } from '../events.ts';

/** The start of a run. Some fields are missing in logs of version 1. The options are those of the program version that wrote the log. */
export interface LoggedStart
  extends Omit<StartedEvent, 'options' | 'origins' | 'runId' | 'programVersion' | 'iteration'> {
  readonly options: Readonly<Record<string, unknown>>;
  readonly origins: Readonly<Record<string, string>> | undefined;
  readonly runId: string | undefined;
  readonly programVersion: string | undefined;
  readonly iteration: number | undefined;
}

/** A line of a log. Numbers that are not finite, which JSON can't express, become NaN. */
export type LoggedEvent = { /** ISO 8601. */ readonly time: string } & (
  | Exclude<TrainingEvent, StartedEvent | FinishedEvent>
  | LoggedStart
  | Omit<FinishedEvent, 'checkpoint'>
);

/**
 * Why a line is not an event. `too-large`: it has too many bytes or values; `not-json`: for example, because the program was killed while
 * writing it; `unknown-type`: this version does not know the type; `malformed`: a field is missing or has another type.
 */
export type LineProblem = 'too-large' | 'not-json' | 'unknown-type' | 'malformed';

/** An event as a line, with its line end. */
export function encodeEvent(event: TrainingEvent, time: Date): string {
  const { checkpoint: _, ...facts } = { checkpoint: undefined, ...event };
  return `${JSON.stringify({ time: time.toISOString(), ...facts })}\n`;
}

const count = () => z.int().check(z.minimum(0));
/** JSON.stringify writes NaN and the infinities as `null`. */
const number = () =>
  z.pipe(
    z.nullable(z.number()),
    z.transform((value) => value ?? Number.NaN),
  );
const list = z.optional(z.array(z.looseObject({ text: z.string() })));
const place = { iteration: count(), epoch: number() };

/** Earlier logs call `consecutive` and `limit` of `skipped` by other names. */
function renameSkipped(value: unknown): object {
  const { inARow, borne, ...rest } = value as Readonly<Record<string, unknown>>;
  return { consecutive: inARow, limit: borne, ...rest };
}

/** In earlier logs, `timed` has no range. */
function addRange(value: unknown): object {
  const event = value as Readonly<Record<string, unknown>>;
  const { restMilliseconds } = event;
  return { minRestMilliseconds: restMilliseconds, maxRestMilliseconds: restMilliseconds, ...event };
}

/** The required fields of each type. Fields that newer versions add are kept. */
const EVENT_SCHEMAS: { readonly [T in TrainingEvent['type']]: z.ZodMiniType } = {
  notice: z.looseObject({ message: z.string(), remedies: list }),
  preparing: z.looseObject({ stage: z.string(), name: z.string(), bytes: count(), total: count() }),
  warning: z.looseObject({ code: z.string(), message: z.string() }),
  started: z.looseObject({
    formatVersion: z._default(count(), 1),
    programVersion: z.optional(z.string()),
    host: z.optional(z.string()),
    runId: z.optional(z.string()),
    options: z.record(z.string(), z.unknown()),
    origins: z.optional(z.record(z.string(), z.string())),
    start: z.enum(['new', 'weights', 'resumed']),
    iteration: z.optional(count()),
    text: z.looseObject({ name: z.string(), bytes: count(), sha256: z.string(), characters: count() }),
    vocabularySize: count(),
    batches: z.object({ train: count(), validation: count(), test: count() }),
    tokens: count(),
    parameters: count(),
    memory: number(),
    gpuMemory: z.optional(number()),
    freeMemory: z.optional(number()),
    engine: z.string(),
    iterations: count(),
    writes: z.optional(z.string()),
    writesInstead: z.optional(z.string()),
    files: z.optional(z.object({ best: z.string(), last: z.string(), config: z.string(), log: z.string() })),
  }),
  iteration: z.looseObject({
    ...place,
    iterations: count(),
    trainLoss: number(),
    learningRate: number(),
    gradientNorm: number(),
    parameterNorm: number(),
    milliseconds: number(),
    tokens: count(),
  }),
  skipped: z.pipe(
    z.transform(renameSkipped),
    z.looseObject({
      iteration: count(),
      cause: z.enum(['loss', 'gradient']),
      consecutive: count(),
      limit: count(),
    }),
  ),
  restored: z.looseObject({
    ...place,
    reason: z.string(),
    learningRate: number(),
    retry: count(),
    retries: count(),
  }),
  continued: z.looseObject({ ...place, reason: z.string(), engine: z.string() }),
  timed: z.pipe(
    z.transform(addRange),
    z.looseObject({
      milliseconds: number(),
      epochMilliseconds: number(),
      restMilliseconds: number(),
      minRestMilliseconds: number(),
      maxRestMilliseconds: number(),
    }),
  ),
  advice: z.looseObject({ code: z.string(), message: z.string(), remedies: list }),
  baseline: z.looseObject({
    order: count(),
    loss: number(),
    trainTokens: count(),
    validationTokens: count(),
  }),
  evaluating: z.looseObject({ batch: count(), batches: count() }),
  evaluated: z.looseObject({
    ...place,
    validationLoss: number(),
    standardError: z.optional(number()),
    best: z.boolean(),
  }),
  sampled: z.looseObject({ iteration: count(), text: z.string() }),
  checkpointed: z.looseObject({ ...place, path: z.string(), validationLoss: z.optional(number()) }),
  finished: z.looseObject({
    ...place,
    reason: z.enum(['completed', 'iterations', 'no-better', 'interrupted']),
    path: z.optional(z.string()),
  }),
};

/** Maximum number of JSON values of a line by depth: its fields, the fields of its objects, paths of a text, options of remedies, their lists. */
const MAX_VALUES = [64, 1000, 500_000, 1000, 1000];
const utf8 = new TextDecoder('utf-8', { fatal: true });

const [OPEN_ARRAY, OPEN_OBJECT] = [0x5b, 0x7b];
/** A flat object of so many bytes takes little memory, however many fields it has. */
const MAX_FLAT_BYTES = 1024;

/** Whether a line has no arrays and no objects in its object. This decides in a tenth of the time that counting its values takes. */
function isShortAndFlat(line: Uint8Array): boolean {
  return line.length <= MAX_FLAT_BYTES && line.indexOf(OPEN_ARRAY) < 0 && line.indexOf(OPEN_OBJECT, 1) < 0;
}

const ITERATION_COUNTS = ['iteration', 'iterations', 'tokens'];
const ITERATION_NUMBERS = [
  'epoch',
  'trainLoss',
  'learningRate',
  'gradientNorm',
  'parameterNorm',
  'milliseconds',
];

/**
 * Whether a value is an `iteration` event whose numbers are all finite. Nearly all lines of a log are, and for them the schema would take
 * more time than everything else.
 */
function isIteration(value: object): value is Extract<LoggedEvent, { readonly type: 'iteration' }> {
  const event = value as Readonly<Record<string, unknown>>;
  for (const name of ITERATION_COUNTS) {
    const number = event[name];
    if (!Number.isSafeInteger(number) || (number as number) < 0) return false;
  }
  return ITERATION_NUMBERS.every((name) => Number.isFinite(event[name]));
}

/** Decodes a line, given without its line end. Returns the event, or why it is not one. */
export function decodeEvent(line: Uint8Array): LoggedEvent | LineProblem {
  if (!isShortAndFlat(line) && !withinJsonLimits(line, MAX_VALUES)) return 'too-large';
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(line));
  } catch {
    return 'not-json';
  }
  if (typeof value !== 'object' || value === null) return 'malformed';
  const { type, time } = value as { readonly type?: unknown; readonly time?: unknown };
  if (typeof type !== 'string' || typeof time !== 'string') return 'malformed';
  if (type === 'iteration' && isIteration(value)) return value;
  if (!Object.hasOwn(EVENT_SCHEMAS, type)) return 'unknown-type';
  const checked = EVENT_SCHEMAS[type as TrainingEvent['type']].safeParse(value);
  return checked.success ? (checked.data as LoggedEvent) : 'malformed';
}
