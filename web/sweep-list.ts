/** The sweeps of the source, and the one that is shown, read again while their page is open. */
import { computed, effect, signal } from '@preact/signals';
import type { SweepDetail, SweepSummary } from '../src/ui/protocol.ts';
import { route, setParameters } from './router.ts';
import { source } from './sources/source.ts';

/** Milliseconds between two looks at a sweep that runs, and at others. */
const LIVE_INTERVAL = 1500;
const REST_INTERVAL = 5000;

/** The one in which something happened last comes first; undefined until they are known. */
export const sweeps = signal<readonly SweepSummary[] | undefined>(undefined);
export const isSearchingSweeps = signal(true);
export const sweep = signal<SweepDetail | undefined>(undefined);
export const sweepProblem = signal<string | undefined>(undefined);

/** The sweep of the address. Without one, the newest gets there. */
export const shownSweep = computed(() => route.value.parameters.get('id'));
const isOpen = computed(() => route.value.page === 'sweeps');

let abort = new AbortController();

effect(() => {
  shownSweep.value;
  abort.abort();
  if (!isOpen.value || !source) return;
  abort = new AbortController();
  follow(abort.signal);
});

async function follow(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    if (!document.hidden) await look(signal);
    const isLive = sweep.peek()?.summary.state === 'running' || isSearchingSweeps.peek();
    await new Promise((resolve) => setTimeout(resolve, isLive ? LIVE_INTERVAL : REST_INTERVAL));
  }
}

/** What was read before stays, also if the server is away: the header says that. */
async function look(signal: AbortSignal): Promise<void> {
  if (!source) return;
  try {
    const list = await source.sweeps(signal);
    if (signal.aborted) return;
    sweeps.value = list.sweeps;
    isSearchingSweeps.value = list.isSearching;
    const [newest] = list.sweeps;
    // The newest one stays the shown one when another begins.
    if (newest && !route.peek().parameters.has('id')) return setParameters({ id: newest.id });
    const id = shownSweep.peek();
    if (id === undefined) sweep.value = undefined;
    else {
      const known = sweep.peek();
      const next = await source.sweep(id, known?.summary.id === id ? known : undefined, signal);
      if (signal.aborted) return;
      sweep.value = next;
    }
    sweepProblem.value = undefined;
  } catch (error) {
    if (!signal.aborted) sweepProblem.value = (error as Error).message;
  }
}
