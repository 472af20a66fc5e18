/** `char-rnn sweep status`, and the same lines while a sweep runs. */
import { hostname } from 'node:os';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobRecord, JobState, SweepStore, TrialRecord } from '../../sweep/store.ts';
import { openSweep } from '../../sweep/sweep-folder.node.ts';
import { columns, hostOf, lossText, parameterText, tableJson } from '../report/sweep-report.ts';
import { timeLeft } from '../terminal/duration-text.ts';
import { LiveLines } from '../terminal/live-lines.ts';
import { progressBar } from '../terminal/live-parts.ts';
import { note } from '../terminal/note.ts';
import { clip } from '../terminal/text-width.ts';

const BEST = 5;
/** Milliseconds between redraws. */
const REDRAW = 1000;
/** Running trials that are shown. */
const MAX_RUNNING = 16;

interface Viewing {
  readonly database?: string | undefined;
  readonly log: 'auto' | 'plain';
  readonly json: boolean;
}

/** Shows the status once or, on a terminal, until no trial is running. */
export async function showStatus(store: SweepStore, folder: string, flags: Viewing): Promise<number> {
  const status = await readStatus(store);
  if (flags.json) {
    process.stdout.write(`${JSON.stringify(statusJson(status), undefined, 2)}\n`);
    return 0;
  }
  if (!isLive(flags) || status.running.length === 0) {
    process.stdout.write(`${statusLines(basename(folder), status).join('\n')}\n`);
    return 0;
  }
  const lines = new LiveLines(process.stdout);
  try {
    for (let now = status; ; now = await readStatus(store)) {
      draw(lines, basename(folder), now);
      if (now.running.length === 0) return 0;
      await sleep(REDRAW);
    }
  } finally {
    lines.close();
  }
}

/** Lines that show how far a running sweep is, below the lines of its events. */
export interface StatusView {
  note(line: string): void;
  close(): void;
}

/** @returns without a terminal, a view of events only */
export async function statusView(folder: string, flags: Viewing): Promise<StatusView> {
  if (!isLive(flags)) return { note, close: () => {} };
  // A connection of its own: that of the work is closed at its end.
  const store = await openSweep(folder, { database: flags.database });
  const lines = new LiveLines(process.stdout);
  const redraw = async () => draw(lines, basename(folder), await readStatus(store));
  const timer = setInterval(() => void redraw().catch(() => {}), REDRAW);
  return {
    note: (line) => lines.print(clip(line, lines.width)),
    close() {
      clearInterval(timer);
      lines.draw([]);
      lines.close();
      void store.close();
    },
  };
}

function isLive({ log }: Viewing): boolean {
  const { TERM, CI } = process.env;
  return log === 'auto' && process.stdout.isTTY && TERM !== 'dumb' && !CI;
}

function draw(lines: LiveLines, name: string, status: SweepStatus): void {
  lines.draw(statusLines(name, status).map((line) => (line === '' ? '' : clip(line, lines.width))));
}

interface SweepStatus {
  readonly isStopped: boolean;
  readonly rungs: number;
  readonly counts: Awaited<ReturnType<SweepStore['counts']>>;
  readonly running: readonly JobRecord[];
  readonly best: readonly TrialRecord[];
}

async function readStatus(store: SweepStore): Promise<SweepStatus> {
  const { isStopped, definition } = await store.record();
  const [counts, running, best] = [await store.counts(), await store.running(), await store.best(BEST)];
  return { isStopped, rungs: definition.rungs, counts, running, best };
}

function statusLines(name: string, status: SweepStatus): string[] {
  const { counts, running, best } = status;
  const isHere = running.every(({ worker }) => hostOf(worker) === hostname());
  const runningRows = running
    .slice(0, MAX_RUNNING)
    .map(({ trial, rung, progress, end, worker }) => [
      `  trial ${trial}`,
      `rung ${rung + 1}`,
      `${progressBar((progress?.iteration ?? 0) / end, 20)} ${progress?.iteration ?? 0}/${end}`,
      ...(isHere ? [] : [`on ${hostOf(worker)}`]),
      progress?.restMilliseconds === undefined ? '' : timeLeft(progress.restMilliseconds),
    ]);
  const bestRows = best.map(({ trial, rung, loss, standardError, parameters }) => [
    ...[`  trial ${trial}`, `rung ${rung + 1}`, lossText(loss, standardError), parameterText(parameters)],
  ]);
  const more = running.length - MAX_RUNNING;
  return [
    `${name}: ${stateText(status)}`,
    ...rungRows(counts),
    ...(running.length > 0 ? ['running:', ...columns(runningRows)] : []),
    ...(more > 0 ? [`  and ${more} more`] : []),
    ...(best.length > 0 ? ['best:', ...columns(bestRows)] : []),
  ];
}

function stateText({ isStopped, counts, running }: SweepStatus): string {
  const isOpen = counts.some(({ state }) => state === 'queued' || state === 'running');
  if (!isOpen) return 'finished';
  if (running.length > 0) return 'running';
  return isStopped ? 'stopped' : 'waiting: no process works on it';
}

/** A line per rung: `  rung 1: 20 of 27 done, 1 exploded`. */
function rungRows(counts: SweepStatus['counts']): string[] {
  const rungs = [...new Set(counts.map(({ rung }) => rung))];
  return rungs.map((rung) => {
    const own = counts.filter((one) => one.rung === rung);
    const countOf = (state: JobState) => own.find((one) => one.state === state)?.count ?? 0;
    const all = own.reduce((sum, { count }) => sum + count, 0);
    const others = (['running', 'exploded', 'failed'] as const)
      .filter((state) => countOf(state) > 0)
      .map((state) => `, ${countOf(state)} ${state}`);
    return `  rung ${rung + 1}: ${countOf('done')} of ${all} done${others.join('')}`;
  });
}

function statusJson({ isStopped, rungs, counts, running, best }: SweepStatus) {
  const byRung = counts.map((one) => ({ ...one, rung: one.rung + 1 }));
  return {
    ...{ isStopped, rungs, counts: byRung },
    running: running.map(({ trial, rung, end, progress, worker, attempt }) => ({
      ...{ trial, rung: rung + 1, attempt, worker, end, ...progress },
    })),
    best: tableJson(best),
  };
}
