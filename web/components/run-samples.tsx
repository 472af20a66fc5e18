/** What the picked runs wrote. */
import { signal } from '@preact/signals';
import type { RunEvent } from '../../src/ui/protocol.ts';
import { picked, runs } from '../run-list.ts';
import { source } from '../sources/source.ts';

type Sample = Extract<RunEvent, { readonly type: 'sampled' }>;

const samples = signal<ReadonlyMap<string, readonly Sample[]>>(new Map());
const sampleAt = signal(1);
const problem = signal<string | undefined>(undefined);

/** The samples of the runs in the chart, all after the same fraction of their iterations. */
export function RunSamples() {
  const ids = picked.value.slice(0, 6).filter((id) => (runs.value.get(id)?.samples ?? 0) > 0);
  if (ids.length === 0 || !source) return null;
  for (const id of ids) loadSamples(id);
  return (
    <section class="panel" aria-labelledby="samples-title">
      <div class="row">
        <h2 id="samples-title">Samples</h2>
        <label class="grow">
          <span class="visually-hidden">how far into the run</span>
          <input
            type="range"
            min={0}
            max={1}
            step={0.01}
            value={sampleAt.value}
            aria-valuetext={`${Math.round(100 * sampleAt.value)} % of the run`}
            onInput={(event) => {
              sampleAt.value = Number(event.currentTarget.value);
            }}
          />
        </label>
      </div>
      {problem.value !== undefined && (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
      <div class="two-texts">
        {ids.map((id) => {
          const own = samples.value.get(id) ?? [];
          const last = own.at(-1)?.iteration ?? 0;
          const wanted = sampleAt.value * last;
          const sample = own.filter(({ iteration }) => iteration <= wanted + 0.5).at(-1) ?? own[0];
          return (
            <figure key={id}>
              <figcaption>
                <span>{runs.value.get(id)?.name}</span>
                {sample && <span>iteration {sample.iteration.toLocaleString('en')}</span>}
              </figcaption>
              <pre>{sample?.text}</pre>
            </figure>
          );
        })}
      </div>
    </section>
  );
}

interface Known {
  /** How many samples the run had when they were read. */
  count: number;
  /** Where the next ones begin. */
  position: string | undefined;
  samples: readonly Sample[];
}
const known = new Map<string, Known>();

/** Reads new samples of a run when their number has changed. */
async function loadSamples(id: string): Promise<void> {
  const own = known.get(id) ?? { count: 0, position: undefined, samples: [] };
  const count = runs.value.get(id)?.samples ?? 0;
  if (!source || own.count === count) return;
  own.count = count;
  known.set(id, own);
  try {
    for (let hasMore = true; hasMore; ) {
      const page = await source.events(id, own.position);
      const found = page.events.filter((event) => event.type === 'sampled');
      own.samples = page.isFromStart ? found : [...own.samples, ...found];
      own.position = page.position;
      hasMore = page.hasMore;
    }
    samples.value = new Map([...samples.value, [id, own.samples]]);
    problem.value = undefined;
  } catch (error) {
    problem.value = (error as Error).message;
  }
}
