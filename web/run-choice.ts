/**
 * What the reader chose on Runs: the order and, in the address of the page, the filter, the runs in the chart and the one to compare with.
 */
import { computed, signal } from '@preact/signals';
import type { RunSummary } from '../src/ui/protocol.ts';
import { route, setParameters } from './router.ts';
import { runs } from './run-list.ts';
import { stateText } from './run-words.ts';
import type { Sorting } from './sorting.ts';

/** Runs that are drawn if the reader has chosen none. */
const FIRST_PICKS = 20;

export type SortKey = 'name' | 'state' | 'iteration' | 'train' | 'last' | 'best';

export const sorting = signal<Sorting<SortKey>>({ key: 'best', isDescending: false });

const parameter = (name: string) => route.value.parameters.get(name);

/** The words of the filter: each must occur in a run's name or settings, or hold, as `dropout>0.2`. */
export const filter = computed(() => parameter('q') ?? '');

/** The run that the others are compared with. */
export const pinned = computed(() => parameter('base'));

/** The runs that are trials of sweeps: their own page shows them. */
export const trialCount = computed(
  () => [...runs.value.values()].filter(({ sweep }) => sweep !== null).length,
);

/** Whether trials are listed too: if the reader says so, has picked one, or if there is no other run. */
export const showsTrials = computed(() => {
  const ids = parameter('pick')?.split('.') ?? [];
  return (
    parameter('trials') === '1' ||
    trialCount.value === runs.value.size ||
    ids.some((id) => typeof runs.value.get(id)?.sweep === 'string')
  );
});

const foundRuns = computed<readonly RunSummary[]>(() => {
  const tests = filter.value.split(/\s+/).filter(Boolean).map(testOf);
  const listed = [...runs.value.values()].filter(({ sweep }) => sweep === null || showsTrials.value);
  return listed.filter((run) => tests.every((test) => test(run)));
});

/** The runs that the filter lets through, in the order of the table. */
export const shownRuns = computed<readonly RunSummary[]>(() => {
  const { key, isDescending } = sorting.value;
  const sign = isDescending ? -1 : 1;
  return [...foundRuns.value].sort((a, b) => sign * compare(sortValue(a, key), sortValue(b, key)));
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
    const value = FIGURES[name.toLowerCase()]?.(run) ?? settingOf(run, name);
    if (value === undefined) return false;
    if (sign === '=') return String(value).toLowerCase() === text.toLowerCase() || Number(value) === wanted;
    const number = Number(value);
    if (sign === '<') return number < wanted;
    if (sign === '>') return number > wanted;
    return sign === '<=' ? number <= wanted : number >= wanted;
  };
}

/** What a comparison may name, besides settings. */
const FIGURES: Readonly<Record<string, (run: RunSummary) => number | undefined>> = {
  best: (run) => run.bestEvaluation?.loss ?? undefined,
  last: (run) => run.lastEvaluation?.loss ?? undefined,
  training: (run) => run.trainLoss ?? undefined,
  iteration: (run) => run.iteration,
  epoch: (run) => run.epoch,
  parameters: (run) => run.parameters,
  advice: (run) => run.advice,
};

function textOf(run: RunSummary): string {
  const settings = Object.entries(run.settings).map(([name, { value }]) => `${name}=${value}`);
  return [run.name, run.state, stateText(run), run.text.name, ...settings].join(' ').toLowerCase();
}

/** A setting by its name in the library, whole or without capitals and dashes. */
export function settingOf(run: RunSummary, name: string): unknown {
  const plain = (text: string) => text.toLowerCase().replaceAll(/[-_]/g, '');
  const found = Object.entries(run.settings).find(([own]) => plain(own) === plain(name));
  return found?.[1].value;
}

/** The ids of the runs that are drawn: those of the address or, without any, the runs that are training, then the best ones. */
export const picked = computed<readonly string[]>(() => {
  const chosen = parameter('pick');
  if (chosen !== undefined) return chosen.split('.').filter((id) => runs.value.has(id));
  const rank = ({ state }: RunSummary) => (state === 'running' ? 0 : 1);
  return [...foundRuns.value]
    .sort((a, b) => rank(a) - rank(b) || compare(sortValue(a, 'best'), sortValue(b, 'best')))
    .slice(0, FIRST_PICKS)
    .map(({ id }) => id);
});

export function togglePick(id: string): void {
  const next = picked.value.includes(id) ? picked.value.filter((own) => own !== id) : [...picked.value, id];
  setParameters({ pick: next.join('.') });
}

/** Draws none of the runs or, if none is drawn, all that the table lists. */
export function togglePickAll(): void {
  const next = picked.value.length > 0 ? [] : shownRuns.value.map(({ id }) => id);
  setParameters({ pick: next.join('.') });
}

/** Pins a run and draws it, or unpins the run that is pinned. */
export function togglePin(id: string): void {
  const isPinned = id === pinned.value;
  if (!isPinned && !picked.value.includes(id)) togglePick(id);
  setParameters({ base: isPinned ? undefined : id });
}

/** The settings that are not the same in all shown runs. One that a run does not list has its default there. */
export const differingSettings = computed<readonly string[]>(() => {
  const values = new Map<string, Map<string, string>>();
  for (const run of shownRuns.value)
    for (const [name, { value, isDefault }] of Object.entries(run.settings))
      if (!isDefault) values.set(name, (values.get(name) ?? new Map()).set(run.id, String(value)));
  const count = shownRuns.value.length;
  const isShared = (own: ReadonlyMap<string, string>) =>
    own.size === count && new Set(own.values()).size === 1;
  return count < 2 ? [] : [...values].filter(([, own]) => !isShared(own)).map(([name]) => name);
});
