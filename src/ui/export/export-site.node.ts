/**
 * Writes the pages to a folder that any web host can serve, with a snapshot of runs (`SnapshotIndex` in `protocol.ts`).
 *
 * What others need not know is left out: the name of the machine, and where the texts were on it.
 */
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { CheckpointError } from '../../errors.ts';
import { VERSION } from '../../util/version.ts';
import {
  CURVE_AXES,
  type EventsPage,
  METRICS,
  type RunChange,
  type RunDetail,
  type RunEvent,
  type SnapshotIndex,
} from '../protocol.ts';
import { Runs } from '../runs.node.ts';
import { openCheckpoint } from '../server/checkpoint-file.node.ts';
import { pageFiles } from '../server/pages.node.ts';
import { RunList } from '../server/run-list.ts';

/** Marks the folder of an export, which may be replaced. */
const MARK = '.char-rnn-export';
const BINS = 2000;

export interface ExportedSite {
  readonly runs: number;
  readonly files: number;
  readonly bytes: number;
}

/**
 * Writes an export. It replaces an earlier export as a whole, and no other folder.
 *
 * @param folders With the runs. Without runs, the export is the site on which people train in their browser.
 * @param pages The built pages. Default: those of the package.
 * @throws {CheckpointError} `checkpoint-unwritable` if the target holds anything else
 * @throws a system error if it can't be written
 */
export async function exportSite(
  folders: readonly string[],
  target: string,
  pages?: string,
): Promise<ExportedSite> {
  await checkTarget(target);
  const made = join(dirname(resolve(target)), `.${process.pid}-${Date.now()}.char-rnn-export`);
  const site = new SiteWriter(made);
  try {
    const runs = new Runs(folders);
    const list = await allRuns(runs, folders);
    await site.write(MARK, `char-rnn ${VERSION}\n`);
    for (const file of pageFiles(list.changed.length > 0 ? 'snapshot' : 'site', pages).values())
      await site.write(file.path, await file.read());
    if (list.changed.length > 0) await writeSnapshot(site, runs, list);
    await replace(made, target);
  } catch (error) {
    await rm(made, { recursive: true, force: true });
    throw error;
  }
  return site.facts;
}

/** @throws {CheckpointError} unless the target does not exist, is empty, or is an earlier export */
async function checkTarget(target: string): Promise<void> {
  const facts = await stat(target).catch(() => undefined);
  const names = facts?.isDirectory() ? await readdir(target) : facts ? [target] : [];
  if (names.length === 0 || (facts?.isDirectory() && names.includes(MARK))) return;
  throw new CheckpointError(
    'checkpoint-unwritable',
    `${target} is ${facts?.isDirectory() ? 'a folder that' : 'a file, and'} is not an export of this program, so it is not replaced. Name another folder.`,
  );
}

async function allRuns(runs: Runs, folders: readonly string[]): Promise<RunChange> {
  const list = new RunList(folders, 'export');
  for (;;) {
    const change = await runs.poll();
    list.add(change);
    if (!change.isSearching && change.changed.length === 0) return list.after(undefined);
  }
}

async function writeSnapshot(site: SiteWriter, runs: Runs, list: RunChange): Promise<void> {
  const changed = list.changed.map((run) => ({
    ...run,
    name: withoutPlace(run.name, list.folders),
    folder: withoutPlace(run.folder, list.folders),
    text: { ...run.text, name: lastPart(run.text.name) },
  }));
  for (const summary of changed) {
    site.runs++;
    const { id } = summary;
    const detail = await runs.detail(id);
    const events = await allEvents(runs, id);
    if (!detail || !events) continue;
    const start = detail.start && (withoutPlaces(detail.start) as RunDetail['start']);
    const checkpoints = detail.checkpoints
      .filter(({ isBest, isLast }) => isBest || isLast)
      .map((one) => ({ ...one, path: withoutPlace(one.path, list.folders) }));
    await site.writeJson(`snapshot/runs/${id}.json`, { summary, start, checkpoints } satisfies RunDetail);
    await site.writeJson(`snapshot/events/${id}.json`, {
      ...events,
      events: events.events.map(withoutPlaces),
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
      notices: [],
    },
    curves: CURVE_AXES.flatMap((x) => METRICS.map((metric) => ({ x, metric }))),
  } satisfies SnapshotIndex);
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

/** An event without the machine's name and paths. */
function withoutPlaces<Event extends RunEvent>(event: Event): Event {
  if (event.type === 'started') {
    const { host: _, writes: __, text, ...rest } = event;
    const { paths: ___, ...facts } = text;
    return { ...rest, text: { ...facts, name: lastPart(text.name) } } as Event;
  }
  if ('path' in event && typeof event.path === 'string') return { ...event, path: lastPart(event.path) };
  return event;
}

/** A path that begins with the name of a folder that was given, not with the way to it. */
function withoutPlace(path: string, folders: readonly string[]): string {
  const root = folders.find((folder) => path === folder || path.startsWith(join(folder, sep)));
  return root === undefined || !isAbsolute(root) ? path : basename(root) + path.slice(root.length);
}

function lastPart(path: string): string {
  return path.split(/[/\\]/).at(-1) ?? path;
}

/** Puts a finished export in place of an earlier one. */
async function replace(made: string, target: string): Promise<void> {
  const old = `${made}.old`;
  const hadOne = await rename(target, old).then(
    () => true,
    () => false,
  );
  try {
    await rename(made, target);
  } catch (error) {
    if (hadOne) await rename(old, target);
    throw error;
  }
  await rm(old, { recursive: true, force: true });
}

class SiteWriter {
  runs = 0;
  readonly #folder: string;
  #files = 0;
  #bytes = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get facts(): ExportedSite {
    return { runs: this.runs, files: this.#files, bytes: this.#bytes };
  }

  async write(path: string, content: string | Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
    const place = join(this.#folder, path);
    await mkdir(dirname(place), { recursive: true });
    await writeFile(place, content);
    this.#files++;
    this.#bytes += (await stat(place)).size;
  }

  writeJson(path: string, value: unknown): Promise<void> {
    return this.write(path, JSON.stringify(value));
  }
}
