/**
 * The history of `npm run bench`: one JSON record per line of bench/history.jsonl, each of one run on one machine.
 *
 * Times of different machines, or of a machine under different loads, cannot be compared. The ratio to a peer that was measured alternately
 * can, on the same processor: `missesOf` compares ratios only.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { median } from './figures.ts';

const figure = z.object({
  name: z.string(),
  /** Milliseconds per iteration, or characters per second: larger is better only for characters. */
  unit: z.enum(['ms', 'characters/s']),
  value: z.number().positive(),
  /** The peer's figure in the same unit, and how many times as fast as the peer this program is. Both are missing without a peer. */
  peer: z.number().positive().optional(),
  ratio: z.number().positive().optional(),
});
const record = z.object({
  /** ISO 8601, in UTC. */
  date: z.iso.datetime(),
  /** The commit that was measured, and a hash of what tracked files added to it. */
  commit: z.string(),
  processor: z.string(),
  /** Processors that the program could use. */
  processors: z.int().positive(),
  /** The load of the last minute when the run began: processes that ran or waited for a processor. */
  load: z.number().nonnegative(),
  versions: z.object({ node: z.string(), pytorch: z.string().optional() }),
  figures: z.array(figure),
});

/** One figure of a run. */
export type Figure = Readonly<z.infer<typeof figure>>;
/** One run of `npm run bench`. */
export type BenchmarkRecord = Readonly<z.infer<typeof record>>;

/** A ratio may be this much lower than the median of the last records. */
const TOLERANCE = 0.1;
/** How many records a figure is compared with. */
const COMPARED = 5;

/**
 * Reads a history, the oldest record first; no records if there is no such file.
 *
 * @throws {Error} if a line is not a record
 */
export function readHistory(file: string): BenchmarkRecord[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line, index) => (line.trim() === '' ? [] : [parseRecord(line, `${file}:${index + 1}`)]));
}

function parseRecord(line: string, place: string): BenchmarkRecord {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new Error(`${place}: not JSON. Each line is one record, as --record writes it; remove this line.`);
  }
  const result = record.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new Error(
    `${place}: ${issue?.path.join('.') || 'the record'}: ${issue?.message}. Remove this line, or record again.`,
  );
}

/** Adds a record to the end of a history. */
export function appendRecord(file: string, added: BenchmarkRecord): void {
  appendFileSync(file, `${JSON.stringify(added)}\n`);
}

/** The records with whose ratios those of `current` may be compared: same processor, as many of them, same version of the peer. */
function comparableTo(current: BenchmarkRecord, history: readonly BenchmarkRecord[]): BenchmarkRecord[] {
  return history.filter(
    (past) =>
      past.processor === current.processor &&
      past.processors === current.processors &&
      past.versions.pytorch === current.versions.pytorch,
  );
}

/** How the ratios of a run compare with those before. */
export interface Comparison {
  /** Figures that had a ratio in an earlier record. */
  readonly compared: number;
  /** A sentence for each ratio that is more than 10% below the median of the last five records on the same processor. */
  readonly misses: readonly string[];
}

/** Compares the ratios of a run with those of the last five comparable records in which the figure has a ratio. */
export function compareWithHistory(
  current: BenchmarkRecord,
  history: readonly BenchmarkRecord[],
): Comparison {
  const past = comparableTo(current, history);
  let compared = 0;
  const misses: string[] = [];
  for (const { name, ratio } of current.figures) {
    if (ratio === undefined) continue;
    const ratios = past
      .flatMap((before) => before.figures.find((one) => one.name === name)?.ratio ?? [])
      .slice(-COMPARED);
    if (ratios.length === 0) continue;
    compared++;
    const expected = (1 - TOLERANCE) * median(ratios);
    if (ratio >= expected) continue;
    const records =
      ratios.length === 1 ? 'the last record' : `the median of the last ${ratios.length} records`;
    misses.push(
      `${name}: ${ratio.toFixed(2)} times as fast as PyTorch ${current.versions.pytorch}. ` +
        `At least ${expected.toFixed(2)} was expected, because ${records} on this processor is ${median(ratios).toFixed(2)}.`,
    );
  }
  return { compared, misses };
}
