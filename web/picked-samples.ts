/** The samples of the first picked runs, and the iteration that the reader chose. */
import { computed, effect, signal } from '@preact/signals';
import type { RunEvent } from '../src/ui/protocol.ts';
import { route, setParameters } from './router.ts';
import { picked } from './run-choice.ts';
import { runs } from './run-list.ts';
import { source } from './sources/source.ts';
import { asSentence } from './words.ts';

export type Sample = Extract<RunEvent, { readonly type: 'sampled' }>;

/** Runs whose samples are shown side by side. */
const MOST_RUNS = 6;

const samples = signal<ReadonlyMap<string, readonly Sample[]>>(new Map());
export const samplesProblem = signal<string | undefined>(undefined);

export const sampledRuns = computed<readonly string[]>(() =>
  picked.value.filter((id) => (runs.value.get(id)?.samples ?? 0) > 0).slice(0, MOST_RUNS),
);

/** The iterations after which at least one of the runs wrote, in ascending order. */
export const sampledIterations = computed<readonly number[]>(() => {
  const all = sampledRuns.value.flatMap((id) =>
    (samples.value.get(id) ?? []).map(({ iteration }) => iteration),
  );
  return [...new Set(all)].sort((a, b) => a - b);
});

/** Undefined: the newest sample of each run. */
export const shownIteration = computed<number | undefined>(() => {
  const text = route.value.parameters.get('at');
  const last = sampledIterations.value.at(-1) ?? 0;
  return text === undefined || !(Number(text) < last) ? undefined : Number(text);
});

/**
 * Shows what the runs had written after one of `sampledIterations`. The last one stands for the newest samples, including those that are
 * still to come.
 */
export function showIteration(index: number): void {
  const all = sampledIterations.value;
  setParameters({ at: index >= all.length - 1 ? undefined : String(all[index]) });
}

/** What a run had written by the shown iteration; undefined: nothing yet. */
export function sampleOf(id: string): Sample | undefined {
  const own = samples.value.get(id) ?? [];
  const at = shownIteration.value ?? Number.POSITIVE_INFINITY;
  return own.filter(({ iteration }) => iteration <= at).at(-1);
}

/** What has been read of a run. */
interface Known {
  /** Its start and the number of its samples at that time. */
  state: string;
  /** Where the next ones begin. */
  position: string | undefined;
  samples: readonly Sample[];
  /** Two requests at once would add the same samples twice. */
  isReading: boolean;
}

const known = new Map<string, Known>();

effect(() => {
  if (!source || !['runs', ''].includes(route.value.page)) return;
  for (const id of sampledRuns.value) readSamples(id, stateOf(id));
});

function stateOf(id: string): string {
  const run = runs.value.get(id);
  return `${run?.started} ${run?.samples}`;
}

/** Reads the new samples of a run when their number has changed. */
async function readSamples(id: string, state: string): Promise<void> {
  const own = known.get(id) ?? { state: '', position: undefined, samples: [], isReading: false };
  known.set(id, own);
  if (!source || own.isReading || own.state === state) return;
  own.isReading = true;
  own.state = state;
  try {
    for (let hasMore = true; hasMore; ) {
      const page = await source.events(id, own.position);
      const found = page.events.filter((event) => event.type === 'sampled');
      own.samples = page.isFromStart ? found : [...own.samples, ...found];
      own.position = page.position;
      hasMore = page.hasMore;
    }
    samples.value = new Map([...samples.value, [id, own.samples]]);
    samplesProblem.value = undefined;
  } catch (error) {
    samplesProblem.value = asSentence((error as Error).message);
    // Read again with the next change of any run.
    own.state = '';
    return;
  } finally {
    own.isReading = false;
  }
  // Those that have come meanwhile.
  if (runs.value.has(id)) await readSamples(id, stateOf(id));
}
