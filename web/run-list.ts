/** The runs of the source, kept up to date, and what the reader chose of them. */
import { computed, signal } from '@preact/signals';
import type { RunSummary } from '../src/ui/protocol.ts';
import { route, setParameters } from './router.ts';
import { shortPaths } from './shown-folders.ts';
import { watchConnection } from './sources/server-source.ts';
import { source } from './sources/source.ts';

export const runs = signal<ReadonlyMap<string, RunSummary>>(new Map());
export const isSearching = signal(true);
export const runNotices = signal<readonly string[]>([]);
export const folders = signal<readonly string[]>([]);
/** Shortens the path of a run or a sweep for readers. */
export const shortPath = computed(() => shortPaths(folders.value));
export const connectionProblem = signal<string | undefined>(undefined);

/** Runs that are drawn if the reader has chosen none. */
const FIRST_PICKS = 20;

watchConnection((problem) => {
  connectionProblem.value = problem;
});

/** Follows the source as long as the page is open. */
export async function followRuns(): Promise<void> {
  if (!source) return;
  try {
    for await (const change of source.runs()) {
      const next = new Map(change.isComplete ? [] : runs.value);
      for (const id of change.removed) next.delete(id);
      folders.value = change.folders;
      for (const run of change.changed) next.set(run.id, { ...run, name: shortPath.value(run.name) });
      runs.value = next;
      isSearching.value = change.isSearching;
      runNotices.value = change.notices;
    }
  } catch (error) {
    connectionProblem.value = (error as Error).message;
  } finally {
    isSearching.value = false;
  }
}

export type SortKey = 'name' | 'state' | 'iteration' | 'train' | 'last' | 'best' | 'updated';

export const sorting = signal<{ readonly key: SortKey; readonly isDescending: boolean }>({
  key: 'best',
  isDescending: false,
});

/** The words of the filter: each must occur in a run's name or settings, or hold, as `dropout>0.2`. */
export const filter = computed(() => route.value.parameters.get('q') ?? '');

/** The runs that are trials of sweeps: their own page shows them. */
export const trialCount = computed(
  () => [...runs.value.values()].filter(({ sweep }) => sweep !== null).length,
);

/** Whether trials are listed too: if the reader says so, has picked one, or if there is no other run. */
export const showsTrials = computed(() => {
  const { parameters } = route.value;
  const ids = parameters.get('pick')?.split('.') ?? [];
  return (
    parameters.get('trials') === '1' ||
    trialCount.value === runs.value.size ||
    ids.some((id) => typeof runs.value.get(id)?.sweep === 'string')
  );
});

export const shownRuns = computed<readonly RunSummary[]>(() => {
  const tests = filter.value.split(/\s+/).filter(Boolean).map(testOf);
  const { key, isDescending } = sorting.value;
  const listed = [...runs.value.values()].filter(({ sweep }) => sweep === null || showsTrials.value);
  const found = listed.filter((run) => tests.every((test) => test(run)));
  const sign = isDescending ? -1 : 1;
  return found.sort((a, b) => sign * compare(sortValue(a, key), sortValue(b, key)));
});

function sortValue(run: RunSummary, key: SortKey): string | number {
  switch (key) {
    case 'name':
      return run.name;
    case 'state':
      return run.state;
    case 'iteration':
      return run.iteration;
    case 'train':
      return run.trainLoss ?? Number.POSITIVE_INFINITY;
    case 'last':
      return run.lastEvaluation?.loss ?? Number.POSITIVE_INFINITY;
    case 'best':
      return run.bestEvaluation?.loss ?? Number.POSITIVE_INFINITY;
    case 'updated':
      return run.updated;
  }
}

function compare(a: string | number, b: string | number): number {
  if (typeof a === 'string' && typeof b === 'string') return a.localeCompare(b, 'en', { numeric: true });
  return a === b ? 0 : a < b ? -1 : 1;
}

function testOf(word: string): (run: RunSummary) => boolean {
  const found = /^([\w-]+)(<=|>=|[<>=])(.+)$/.exec(word);
  if (!found) {
    const wanted = word.toLowerCase();
    return (run) => textOf(run).includes(wanted);
  }
  const [, name = '', sign, text = ''] = found;
  const wanted = Number(text);
  return (run) => {
    const value = settingOf(run, name);
    if (value === undefined) return false;
    if (sign === '=') return String(value).toLowerCase() === text.toLowerCase();
    const number = Number(value);
    if (sign === '<') return number < wanted;
    if (sign === '>') return number > wanted;
    return sign === '<=' ? number <= wanted : number >= wanted;
  };
}

function textOf(run: RunSummary): string {
  const settings = Object.entries(run.settings).map(([name, { value }]) => `${name}=${value}`);
  return [run.name, run.state, run.text.name, ...settings].join(' ').toLowerCase();
}

/** A setting by its name in the library, whole or without capitals and dashes. */
export function settingOf(run: RunSummary, name: string): unknown {
  const plain = (text: string) => text.toLowerCase().replaceAll(/[-_]/g, '');
  const found = Object.entries(run.settings).find(([own]) => plain(own) === plain(name));
  return found?.[1].value;
}

/** The ids of the runs that are drawn: those of the address, else those that run and the best ones. */
export const picked = computed<readonly string[]>(() => {
  const { value } = route;
  const chosen = value.parameters.get('pick');
  if (chosen !== undefined) return chosen.split('.').filter((id) => runs.value.has(id));
  const running = shownRuns.value.filter(({ state }) => state === 'running');
  const best = shownRuns.value.filter(({ state }) => state !== 'running');
  return [...running, ...best].slice(0, FIRST_PICKS).map(({ id }) => id);
});

export function togglePick(id: string): void {
  const next = picked.value.includes(id) ? picked.value.filter((own) => own !== id) : [...picked.value, id];
  setParameters({ pick: next.join('.') });
}

/** The settings that are not the same in all shown runs. */
export const differingSettings = computed<readonly string[]>(() => {
  const values = new Map<string, Set<string>>();
  for (const run of shownRuns.value)
    for (const [name, { value }] of Object.entries(run.settings))
      values.set(name, (values.get(name) ?? new Set()).add(String(value)));
  const count = shownRuns.value.length;
  const isShared = (name: string) =>
    values.get(name)?.size === 1 && shownRuns.value.every((run) => name in run.settings);
  return count < 2 ? [] : [...values.keys()].filter((name) => !isShared(name));
});
