/** `char-rnn average`: makes one model of several checkpoints. */
import { realpath } from 'node:fs/promises';
import { CheckpointMean } from '../../checkpoint/average.ts';
import { type Checkpoint, continuingNotices } from '../../checkpoint/checkpoint.ts';
import { isSameCheckpoint } from '../../checkpoint/storage/storage.ts';
import type { StoredPrecision } from '../../checkpoint/stored-precision.ts';
import { UsageError } from '../../errors.ts';
import { exportCheckpoint } from '../../formats/export.ts';
import type { ExportFormat } from '../../formats/format-names.ts';
import { readCheckpointFile } from '../../formats/read.node.ts';
import { fixed } from '../../util/c-format.ts';
import { formatCount } from '../../util/format.ts';
import type { CommandInput } from '../command.ts';
import { watchOutput } from '../terminal/output.ts';
import { catchSignals } from '../terminal/signals.ts';
import { checkCanCreate, formatFromName, writeFiles } from './exported-files.ts';
import { findModelFile } from './model-file.ts';

export interface AverageFlags {
  readonly out?: string | undefined;
  readonly to?: ExportFormat | undefined;
  readonly precision?: StoredPrecision | undefined;
  readonly json: boolean;
  readonly force: boolean;
}

/** What is shown of a checkpoint. Losses are in nats per symbol. */
interface Averaged {
  readonly path: string;
  readonly runId?: string | undefined;
  readonly iteration?: number | undefined;
  readonly epoch?: number | undefined;
  /** The last one that was measured up to the checkpoint, and where. */
  readonly validationLoss?: { readonly iteration: number; readonly loss: number } | undefined;
}

/** A file that is part of the average. */
interface AveragedFile extends Averaged {
  readonly realPath: string;
}

export async function runAverage({ positionals }: CommandInput, flags: AverageFlags): Promise<number> {
  watchOutput((code) => {
    process.exitCode = code;
  });
  const { out } = flags;
  if (positionals.length < 2 || out === undefined) {
    const problem = out === undefined ? 'a name for the new model, -o OUT' : 'two or more checkpoints';
    throw new UsageError(`average takes ${problem}.`, {
      remedies: [
        {
          text: 'For example',
          command: ['average', 'cv/best.safetensors', 'cv/last.safetensors', '-o', 'average.safetensors'],
        },
      ],
    });
  }
  const format = flags.to ?? formatFromName(out);
  if (format === 'vocabulary') throw new UsageError(`${out} would hold a vocabulary, which has no weights.`);
  await checkCanCreate([out], flags.force);

  const say = (line: string) => {
    if (!flags.json) process.stdout.write(`${line}\n`);
  };
  const { checkpoint, files, notices: found } = await meanOf(positionals, say);
  const exported = exportCheckpoint(checkpoint, format, { precision: flags.precision });
  const notices = [...found, ...runNotices(files), ...exported.notices];
  const { sizes, exitCode } = await writeFiles([{ path: out, ...exported }], catchSignals(), say);
  if (exitCode !== undefined) return exitCode;
  const averaged =
    files.length === 1 ? 'those of one checkpoint' : `the means of ${files.length} checkpoints`;
  say(`its parameters are ${averaged}; it has no training state and no known loss`);
  for (const notice of notices) say(notice);
  if (flags.json) {
    const checkpoints = files.map(({ realPath: _, ...shown }) => shown);
    const file = { path: out, bytes: sizes[0] };
    process.stdout.write(`${JSON.stringify({ to: format, file, checkpoints, notices }, undefined, 2)}\n`);
  }
  return 0;
}

/**
 * Reads checkpoints one by one and averages them. One that is named twice, as by a pointer and its own name, counts once.
 *
 * @param say Called with a line about each checkpoint.
 */
async function meanOf(paths: readonly string[], say: (line: string) => void) {
  const files: AveragedFile[] = [];
  const notices: string[] = [];
  const mean = new CheckpointMean();
  for (const given of paths) {
    const path = await findModelFile(given);
    const checkpoint = await readCheckpointFile(path);
    const file = { ...factsOf(path, checkpoint), realPath: await realpath(path) };
    const same = files.find((other) => isSameFile(other, file));
    if (same) {
      notices.push(`${path} is the same checkpoint as ${same.path}, and counts once`);
      continue;
    }
    mean.add(checkpoint, path);
    files.push(file);
    say(averagedText(file));
    notices.push(...continuingNotices(checkpoint).map((notice) => `${path}: ${notice}`));
  }
  return { checkpoint: mean.checkpoint, files, notices };
}

function isSameFile(a: AveragedFile, b: AveragedFile): boolean {
  if (a.realPath === b.realPath) return true;
  const [one, other] = [a, b].map(({ runId, iteration }) =>
    runId === undefined || iteration === undefined ? undefined : { runId, iteration },
  );
  return one !== undefined && other !== undefined && isSameCheckpoint(one, other);
}

function factsOf(path: string, { training, origin }: Checkpoint): Averaged {
  const { iterations, values } = (training ?? origin)?.validationLosses ?? {};
  const [iteration, loss] = [iterations?.at(-1), values?.at(-1)];
  return {
    path,
    runId: training?.runId,
    iteration: (training ?? origin)?.iteration,
    epoch: (training ?? origin)?.epoch,
    validationLoss: iteration === undefined || loss === undefined ? undefined : { iteration, loss },
  };
}

function averagedText({ path, iteration, epoch, validationLoss }: Averaged): string {
  const place = [
    ...(iteration === undefined ? [] : [`iteration ${formatCount(iteration)}`]),
    ...(epoch === undefined ? [] : [`epoch ${fixed(epoch, 2)}`]),
  ];
  if (!validationLoss) return `${[path, ...place].join(', ')}, validation loss unknown`;
  const where =
    validationLoss.iteration === iteration ? '' : ` at iteration ${formatCount(validationLoss.iteration)}`;
  return `${[path, ...place].join(', ')}, validation loss ${fixed(validationLoss.loss, 4)}${where}`;
}

/** Warns if the checkpoints are known to be of different runs. */
function runNotices(files: readonly Averaged[]): string[] {
  const [first, ...others] = files.filter(({ runId }) => runId !== undefined);
  const other = others.find(({ runId }) => runId !== first?.runId);
  if (!first || !other) return [];
  return [
    `${first.path} and ${other.path} come from different runs: unless one began with the weights of the other, their mean will be a bad model`,
  ];
}
