/** The JSON in a checkpoint's metadata: everything except the tensors. */
import * as z from 'zod/mini';
import { CELL_NAMES } from '../engine/cells.ts';
import { MAX_MOMENTS } from '../engine/update-rules.ts';
import { CheckpointError } from '../errors.ts';
import { MAX_LAYERS } from '../model/config.ts';
import { DROPOUT_MASKS } from '../model/option-values.ts';
import { withinJsonLimits } from '../util/json-limits.ts';
import { malformed } from './errors.ts';
import { HALF_PRECISIONS } from './stored-precision.ts';

/** Version of files that every version of the program can read. Files that older programs would misread have a higher one. */
export const FORMAT_VERSION = 1;
/** Version of files with a shape change, which version-1 programs would resume at the wrong position. */
export const SHAPE_CHANGE_VERSION = 2;

/** Version of files whose parameters are an average: older programs would continue training from it instead of the weights. */
export const AVERAGE_VERSION = 3;

/** Version of files with int8 matrices, which older programs can't read. */
export const INT8_VERSION = 4;

/** The only metadata key. */
export const METADATA_KEY = 'char_rnn';

/** Maximum length of the JSON. */
const MAX_METADATA = 1_000_000;
/** Maximum number of values at each depth. */
const METADATA_VALUES = [100, 1000, 1000, 1000, 1000];

const count = () => z.int().check(z.minimum(0));
const size = () => z.int().check(z.minimum(1));
/** Zero too: after many epochs with a decay, the rate is less than the smallest number. */
const learningRate = () => z.number().check(z.minimum(0));

/** An average of the weights. The weights are stored in tensors. */
const average = () => z.optional(z.object({ since: count() }));

/** A held-out text. Its files are stored in tensors. */
const knownText = () => z.object({ bytes: count(), sha256: z.string() });

const metadataSchema = z.object({
  formatVersion: z.literal([FORMAT_VERSION, SHAPE_CHANGE_VERSION, AVERAGE_VERSION, INT8_VERSION]),
  config: z.object({
    cell: z.enum(CELL_NAMES),
    layers: size().check(z.maximum(MAX_LAYERS)),
    hiddenSize: size(),
    embeddingSize: z.optional(size()),
    vocabularySize: z.int().check(z.minimum(2)),
    /** Belongs to the regularization. It is here because it once was part of the shape. */
    dropout: z.number().check(z.minimum(0), z.lt(1)),
  }),
  /** For a cell with a reset gate: where that acts. */
  reset: z.optional(z.enum(['before', 'after'])),
  /** Regularization other than dropout. Absent in checkpoints of earlier versions: none. */
  regularization: z.optional(
    z.object({
      dropoutMask: z.enum(DROPOUT_MASKS),
      weightDrop: z.number().check(z.minimum(0), z.lt(1)),
      tokenDropout: z.number().check(z.minimum(0), z.lt(1)),
    }),
  ),
  precision: z.enum(['float32', 'float64']),
  /** Number type of the parameters in the file, if not `precision`. */
  storedAs: z.optional(z.enum([...HALF_PRECISIONS, 'int8'])),
  vocabulary: z.object({
    kind: z.enum(['character', 'byte', 'grapheme']),
    normalize: z.enum(['none', 'nfc']),
    hasUnknown: z.boolean(),
    unicodeVersion: z.optional(z.string()),
  }),
  training: z.optional(
    z.object({
      runId: z.string(),
      iteration: count(),
      epoch: z.number().check(z.minimum(0)),
      learningRate: learningRate(),
      options: z.record(z.string(), z.unknown()),
      moments: z.int().check(z.minimum(0), z.maximum(MAX_MOMENTS)),
      optimizerSteps: count(),
      average: average(),
      stability: z.optional(
        z.object({
          skips: count(),
          retries: count(),
          good: z.optional(
            z.object({
              iteration: count(),
              learningRate: learningRate(),
              optimizerSteps: count(),
              average: average(),
            }),
          ),
        }),
      ),
      batchSize: size(),
      shapeChange: z.optional(
        z.object({
          batchOffset: z.int(),
          heldOut: z.object({ batchSize: size(), sequenceLength: size() }),
        }),
      ),
      cursor: count(),
      text: z.optional(
        z.object({
          bytes: count(),
          sha256: z.string(),
          /** In checkpoints from before `paths` existed. */
          path: z.optional(z.string()),
          paths: z.optional(z.array(z.string())),
          include: z.optional(z.string()),
          validPath: z.optional(z.string()),
          testPath: z.optional(z.string()),
          validation: z.optional(knownText()),
          test: z.optional(knownText()),
        }),
      ),
    }),
  ),
  origin: z.optional(
    z.object({
      program: z.string(),
      options: z.record(z.string(), z.unknown()),
      iteration: z.optional(z.number()),
      epoch: z.optional(z.number()),
      notices: z.array(z.string()),
      sampleOnly: z.optional(z.string()),
    }),
  ),
});

export type CheckpointMetadata = z.output<typeof metadataSchema>;

/** Names every field, even the optional ones: an object that must satisfy this cannot forget one. JSON leaves out undefined values. */
export type EveryField<T> = Readonly<Record<keyof T, unknown>>;

export function encodeMetadata(metadata: CheckpointMetadata): ReadonlyMap<string, string> {
  return new Map([[METADATA_KEY, JSON.stringify(metadata)]]);
}

/**
 * Decodes and checks the metadata of a file.
 *
 * @throws {CheckpointError} `checkpoint-other-kind` if it has no metadata of this program, `checkpoint-newer`, `checkpoint-malformed`
 */
export function decodeMetadata(metadata: ReadonlyMap<string, string>, file: string): CheckpointMetadata {
  const json = metadata.get(METADATA_KEY);
  if (json === undefined) {
    throw new CheckpointError(
      'checkpoint-other-kind',
      `${file} was written by another program: it does not describe a char-rnn model.`,
    );
  }
  if (json.length > MAX_METADATA) throw malformed(file, 'its metadata is too long');
  if (!withinJsonLimits(new TextEncoder().encode(json), METADATA_VALUES))
    throw malformed(file, 'its metadata is not as expected');
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw malformed(file, 'its metadata is not JSON');
  }
  const version = (value as { formatVersion?: unknown } | null)?.formatVersion;
  if (typeof version === 'number' && version > INT8_VERSION) {
    throw new CheckpointError(
      'checkpoint-newer',
      `${file} has format version ${version}; this program reads versions up to ${INT8_VERSION}. Update char-rnn.`,
    );
  }
  return checkMetadata(value, file);
}

/** @throws {CheckpointError} `checkpoint-malformed` */
export function checkMetadata(value: unknown, file: string): CheckpointMetadata {
  const result = metadataSchema.safeParse(value);
  if (result.success) return result.data;
  const path = result.error.issues[0]?.path.join('.') ?? '';
  throw malformed(file, `its metadata is not as expected${path && ` at ${path.slice(0, 80)}`}`);
}
