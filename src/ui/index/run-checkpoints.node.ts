/** The checkpoints of a run, by ids. */
import { lstatSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { linkTarget } from '../../checkpoint/storage/file-pointer.node.ts';
import { type FoundCheckpoint, surveyFolder } from '../../checkpoint/storage/run-survey.node.ts';
import type { CheckpointFile } from '../protocol.ts';
import { type IndexedRun, idOf } from './indexed-run.node.ts';

/** A file that may be sent. */
export interface CheckpointPlace {
  readonly path: string;
  readonly name: string;
  readonly size: number;
  readonly etag: string;
}

/** The checkpoints of a run, in the order of their iterations. */
export async function checkpointsOf(run: IndexedRun): Promise<CheckpointFile[]> {
  const { runs } = await surveyFolder(run.folder);
  // A log of version 1 has no name of its run. Then the folder's only run is meant.
  const runId = run.start?.runId;
  const own = runId === undefined && runs.length === 1 ? runs[0] : runs.find((one) => one.runId === runId);
  if (!own) return [];
  const [best, last] = [await targetOf(own.best), await targetOf(own.last)];
  return own.checkpoints.flatMap((checkpoint) => {
    const place = placeOf(checkpoint.path);
    if (!place) return [];
    return {
      ...{ id: idOf(place.path), name: place.name, size: place.size, etag: place.etag },
      path: join(run.place.folder, place.name),
      modified: checkpoint.time,
      ...facts(checkpoint),
      isBest: checkpoint.path === best,
      isLast: checkpoint.path === last,
    };
  });
}

async function targetOf(pointer: string | undefined): Promise<string | undefined> {
  return pointer === undefined ? undefined : linkTarget(pointer);
}

function facts({ iteration, epoch, validationLosses: { iterations, values } }: FoundCheckpoint) {
  const index = iterations.lastIndexOf(iteration);
  const loss = index < 0 ? undefined : values[index];
  return { iteration, epoch, validationLoss: loss !== undefined && Number.isFinite(loss) ? loss : null };
}

/** A regular file that no link leads to; undefined for anything else. */
export function placeOf(path: string): CheckpointPlace | undefined {
  try {
    const file = lstatSync(path);
    if (!file.isFile() || realpathSync.native(path) !== path) return undefined;
    const { ino, size, mtimeMs } = file;
    const etag = [ino, size, Math.round(mtimeMs)].map((number) => number.toString(36)).join('-');
    return { path, name: basename(path), size, etag };
  } catch {
    return undefined;
  }
}

/** The checkpoint with an id, among those that the search has found in the folders of runs. */
export function findCheckpoint(runs: Iterable<IndexedRun>, id: string): CheckpointPlace | undefined {
  for (const { folder, place } of runs)
    for (const name of place.checkpoints) {
      const path = join(folder, name);
      if (idOf(path) === id) return placeOf(path);
    }
  return undefined;
}
