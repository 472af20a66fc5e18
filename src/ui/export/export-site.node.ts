/**
 * Writes the pages to a folder that any web host can serve, with a snapshot of runs (`SnapshotIndex` in `protocol.ts`).
 *
 * Private facts are left out: the name of the machine, and the paths of the texts.
 */
import { realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { lastPart, withoutEndSlash } from '../../util/last-part.ts';
import { VERSION } from '../../util/version.ts';
import {
  CURVE_AXES,
  type EventsPage,
  METRICS,
  type RunChange,
  type RunDetail,
  type RunEvent,
  type RunSummary,
  type SnapshotIndex,
  type SweepDetail,
  type SweepSummary,
} from '../protocol.ts';
import { Runs } from '../runs.node.ts';
import { openCheckpoint } from '../server/checkpoint-file.node.ts';
import { pageFiles } from '../server/pages.node.ts';
import { RunList } from '../server/run-list.ts';
import type { Sources } from '../sources.ts';
import { SiteFolder } from './site-folder.node.ts';
import { withoutPlaces } from './without-places.ts';

const BINS = 2000;

export interface ExportedSite {
  readonly runs: number;
  readonly files: number;
  readonly bytes: number;
}

/**
 * Writes an export. It replaces the files of an earlier one, and no others.
 *
 * @param sources Without runs, the export is a site on which people train in their browsers.
 * @param pages The built pages. Default: those of the package.
 * @throws {CheckpointError} `checkpoint-unwritable` if the target holds anything else
 * @throws a system error if it can't be written
 */
export async function exportSite(sources: Sources, target: string, pages?: string): Promise<ExportedSite> {
  const site = await SiteFolder.open(target);
  try {
    const runs = new Runs(sources);
    const list = await allRuns(runs, sources.folders);
    const { sweeps } = await runs.sweeps();
    const isSnapshot = list.changed.length > 0 || sweeps.length > 0;
    // The pages come last, because they name the other files.
    if (isSnapshot) await writeSnapshot(site, runs, list, sweeps);
    for (const file of pageFiles(isSnapshot ? 'snapshot' : 'site', pages).values())
      await site.write(file.path, await file.read());
    await site.publish();
    return { runs: list.changed.length, files: site.files, bytes: site.bytes };
  } catch (error) {
    await site.discard();
    throw error;
  }
}

async function allRuns(runs: Runs, folders: readonly string[]): Promise<RunChange> {
  const list = new RunList(folders, 'export');
  for (;;) {
    const change = await runs.poll();
    list.add(change);
    if (!change.isSearching && change.changed.length === 0) return list.after(undefined);
  }
}

async function writeSnapshot(
  site: SiteFolder,
  runs: Runs,
  list: RunChange,
  sweeps: readonly SweepSummary[],
): Promise<void> {
  const changed = list.changed.map((run) => ({
    ...run,
    // An estimate of the remaining time would be wrong by the time somebody opens the export.
    rest: null,
    name: withoutPlace(run.name, list.folders),
    folder: withoutPlace(run.folder, list.folders),
    text: { ...run.text, name: lastPart(run.text.name) },
  }));
  const given = await Promise.all(list.folders.map(allNames));
  for (const summary of changed) {
    const { id } = summary;
    const detail = await runs.detail(id);
    const events = await allEvents(runs, id);
    if (!detail || !events) continue;
    const known = given.flat().concat(foldersOf(detail));
    const start = detail.start && (withoutPlaces(detail.start, known) as RunDetail['start']);
    const checkpoints = detail.checkpoints
      .filter(({ isBest, isLast }) => isBest || isLast)
      .map((one) => ({ ...one, path: withoutPlace(one.path, list.folders) }));
    await site.writeJson(`snapshot/runs/${id}.json`, { summary, start, checkpoints } satisfies RunDetail);
    await site.writeJson(`snapshot/events/${id}.json`, {
      ...events,
      events: events.events.map((event) => withoutPlaces(event, known)),
    });
    await site.write(`snapshot/curves/${id}.bin`, await curvesOf(runs, id));
    for (const checkpoint of checkpoints) {
      const place = await runs.checkpoint(checkpoint.id);
      if (!place) continue;
      const content = await openCheckpoint(place, false);
      await site.write(`snapshot/checkpoints/${checkpoint.id}.safetensors`, content.pieces());
    }
  }
  await site.writeJson('snapshot/index.json', {
    formatVersion: 1,
    made: Date.now(),
    programVersion: VERSION,
    runs: {
      ...list,
      changed,
      folders: list.folders.map((folder) => withoutPlace(folder, list.folders)),
      notices: [madeNotice(changed)],
    },
    curves: CURVE_AXES.flatMap((x) => METRICS.map((metric) => ({ x, metric }))),
    sweeps: await writeSweeps(site, runs, list.folders, sweeps),
  } satisfies SnapshotIndex);
}

/** The notice that says when the export was made: its runs do not change after that. */
function madeNotice(runs: readonly RunSummary[]): string {
  const time = new Date().toISOString().slice(0, 16).replace('T', ' at ');
  const running = runs.filter(({ state }) => state === 'running').length;
  const what = running === 1 ? 'One run was' : `${running} runs were`;
  return `Exported on ${time} UTC.${running > 0 ? ` ${what} still training then.` : ''}`;
}

/** @returns the summaries of those that were written: the others can't be read */
async function writeSweeps(
  site: SiteFolder,
  runs: Runs,
  folders: readonly string[],
  sweeps: readonly SweepSummary[],
): Promise<SweepSummary[]> {
  const written: SweepSummary[] = [];
  for (const { id } of sweeps) {
    const detail = (await runs.sweep(id))?.detail;
    if (!detail || detail.summary.state === 'unreadable') continue;
    const own = withoutPlacesOfSweep(detail, folders);
    await site.writeJson(`snapshot/sweeps/${id}.json`, own);
    written.push(own.summary);
  }
  return written;
}

/** A sweep without the names of machines, paths, and messages, which may contain both. Nobody trains it where it is exported to. */
function withoutPlacesOfSweep(detail: SweepDetail, folders: readonly string[]): SweepDetail {
  const { folder, text, state, ...facts } = detail.summary;
  const summary = {
    ...facts,
    folder: withoutPlace(folder, folders),
    text: lastPart(text),
    state: state === 'running' ? ('waiting' as const) : state,
  };
  const trials = detail.trials.map(({ jobs, ...trial }) => ({
    ...trial,
    jobs: jobs.map((job) => ({ ...job, machine: null, message: null, rest: null })),
  }));
  return { ...detail, summary, trials };
}

async function allEvents(runs: Runs, id: string): Promise<EventsPage | undefined> {
  const events: RunEvent[] = [];
  for (let after: string | undefined; ; ) {
    const page = await runs.events(id, after);
    if (!page) return undefined;
    events.push(...page.events);
    if (!page.hasMore) return { ...page, isFromStart: true, events };
    after = page.position;
  }
}

async function* frames(runs: Runs, id: string): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
  for (const x of CURVE_AXES) yield* runs.curves({ ids: [id], metrics: METRICS, x, bins: BINS });
}

/** All frames of a run. Those that report progress are left out: the index says what each frame shows. */
async function curvesOf(runs: Runs, id: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const frame of frames(runs, id)) if (isCurve(frame)) parts.push(frame);
  return Buffer.concat(parts);
}

function isCurve(frame: Uint8Array): boolean {
  return new TextDecoder().decode(frame.subarray(8, 40)).startsWith('{"type":"curve"');
}

/** The folders that a run names. */
function foldersOf({ start }: Pick<RunDetail, 'start'>): string[] {
  const { paths = [], validPath, testPath } = start?.text ?? {};
  const files = [...paths, validPath, testPath].flatMap((path) =>
    path === undefined ? [] : [dirname(path)],
  );
  return [...files, ...(typeof start?.writes === 'string' ? [start.writes] : [])];
}

/** A folder in three forms: as it was given, as an absolute path, and without symbolic links. */
async function allNames(folder: string): Promise<string[]> {
  const path = resolve(folder);
  return [folder, path, await realpath(path).catch(() => path)];
}

/** The path without what comes before the name of a given folder. If several folders have the same name, the later ones get a number. */
function withoutPlace(path: string, folders: readonly string[]): string {
  const root = folders.find((folder) => path === folder || path.startsWith(join(folder, sep)));
  if (root === undefined || !(isAbsolute(root) || /^\.\.(?:[/\\]|$)/.test(root))) return path;
  const nameOf = (folder: string) => basename(resolve(folder));
  const before = folders.slice(0, folders.indexOf(root)).filter((one) => nameOf(one) === nameOf(root)).length;
  const rest = withoutEndSlash(path).slice(withoutEndSlash(root).length);
  return nameOf(root) + (before > 0 ? ` (${before + 1})` : '') + rest;
}
