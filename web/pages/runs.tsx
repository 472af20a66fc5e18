/** Runs: the curves of many runs together, and a table of them. */
import { computed, effect, signal } from '@preact/signals';
import type { Curve, CurveAxis, Metric, RunSummary } from '../../src/ui/protocol.ts';
import { CurvesChart, type ShownCurve } from '../components/curves-chart.tsx';
import { route, setParameters } from '../router.ts';
import { styleOfRun } from '../run-colours.ts';
import {
  differingSettings,
  filter,
  folders,
  isSearching,
  picked,
  runNotices,
  runs,
  type SortKey,
  settingOf,
  shownRuns,
  sorting,
  togglePick,
} from '../run-list.ts';
import { source } from '../sources/source.ts';
import { shortDuration } from '../words.ts';

const ROW_HEIGHT = 40;
/** Rows above and below the visible ones. */
const MARGIN = 10;
/** Milliseconds between two requests for the curves of runs that grow. */
const REFRESH = 1000;
const AXES: Readonly<Record<CurveAxis, string>> = {
  iteration: 'iteration',
  epoch: 'epoch',
  time: 'seconds of training',
};

const curves = signal<ReadonlyMap<string, Curve>>(new Map());
const curveProgress = signal<number | undefined>(undefined);
const problem = signal<string | undefined>(undefined);
const hovered = signal<string | undefined>(undefined);
const firstRow = signal(0);
const zoom = signal<readonly [number, number] | undefined>(undefined);
const samples = signal<ReadonlyMap<string, readonly { readonly iteration: number; readonly text: string }[]>>(
  new Map(),
);
const sampleAt = signal(1);

const parameter = (name: string) => route.value.parameters.get(name);
const axis = computed(() => (parameter('x') ?? 'iteration') as CurveAxis);
const metric = computed(() => (parameter('y') ?? 'trainLoss') as Metric);
const smoothing = computed(() => Number(parameter('smooth') ?? 0.9));
const isLogarithmic = computed(() => parameter('log') === '1');
const pinned = computed(() => parameter('base'));

/** What the curves depend on, besides the growth of the runs. */
const request = computed(() => ({
  ids: picked.value,
  metrics: [metric.value],
  x: axis.value,
  bins: picked.value.length > 100 ? 150 : 500,
  smoothing: metric.value === 'validationLoss' ? 0 : smoothing.value,
  ...(zoom.value && { from: zoom.value[0], to: zoom.value[1] }),
}));
const requestText = computed(() => JSON.stringify(request.value));
const versions = computed(() => picked.value.map((id) => runs.value.get(id)?.version).join());

let abort = new AbortController();
let timer: ReturnType<typeof setTimeout> | undefined;
let lastRequest = '';
let lastTime = 0;

effect(() => {
  const text = requestText.value;
  versions.value;
  // Without a page in the address, this one is shown.
  if (!source || !['runs', ''].includes(route.value.page)) return;
  clearTimeout(timer);
  // A growing run is read again at most once a second, another request at once.
  const wait = text === lastRequest ? Math.max(0, lastTime + REFRESH - performance.now()) : 0;
  timer = setTimeout(() => fetchCurves(text), wait);
});

async function fetchCurves(text: string): Promise<void> {
  const isNew = text !== lastRequest;
  lastRequest = text;
  lastTime = performance.now();
  abort.abort();
  abort = new AbortController();
  const { signal: own } = abort;
  const asked = JSON.parse(text) as typeof request.value;
  if (asked.ids.length === 0 || !source) {
    curves.value = new Map();
    return;
  }
  try {
    problem.value = undefined;
    const found = new Map(isNew ? [] : curves.value);
    let shown = performance.now();
    for await (const frame of source.curves(asked, own)) {
      if (frame.type === 'curve') found.set(frame.id, frame);
      else if (frame.type === 'progress') curveProgress.value = frame.read / Math.max(1, frame.total);
      if (performance.now() - shown < 200) continue;
      shown = performance.now();
      curves.value = new Map(found);
    }
    curves.value = found;
  } catch (error) {
    if (!own.aborted) problem.value = (error as Error).message;
  } finally {
    if (!own.aborted) curveProgress.value = undefined;
  }
}

const shownCurves = computed<readonly ShownCurve[]>(() =>
  picked.value.flatMap((id) => {
    const curve = curves.value.get(id);
    const run = runs.value.get(id);
    if (!curve || !run || curve.x.length === 0) return [];
    return [{ label: run.name, curve, isPinned: id === pinned.value, ...styleOfRun(id) }];
  }),
);

export function Runs() {
  const count = runs.value.size;
  if (count === 0 && !isSearching.value) return <NoRuns />;
  return (
    <div class="stack">
      <section class="panel" aria-labelledby="runs-title">
        <div class="row">
          <h2 id="runs-title">Runs</h2>
          <input
            type="search"
            class="filter"
            placeholder="filter: lstm dropout>0.2"
            aria-label="filter the runs"
            value={filter.value}
            onInput={(event) => setParameters({ q: event.currentTarget.value || undefined })}
          />
          <span class="hint" role="status">
            {shownRuns.value.length.toLocaleString('en')} of {count.toLocaleString('en')} runs
            {isSearching.value && ', still looking for more'}
          </span>
        </div>
        <ChartControls />
        {shownCurves.value.length > 0 ? (
          <CurvesChart
            curves={shownCurves.value}
            xLabel={AXES[axis.value]}
            yLabel={METRICS[metric.value]}
            isLogarithmic={isLogarithmic.value}
            range={zoom.value}
            height={340}
            onZoom={(range) => {
              zoom.value = range;
            }}
            onHover={(index) => {
              hovered.value = index === undefined ? undefined : shownCurves.value[index]?.curve.id;
            }}
            onPick={(index) => {
              const id = shownCurves.value[index]?.curve.id;
              setParameters({ base: id === pinned.value ? undefined : id });
            }}
          />
        ) : (
          <p class="hint">
            {picked.value.length === 0
              ? 'Choose runs in the table to see their curves.'
              : 'Reading the curves …'}
          </p>
        )}
        {curveProgress.value !== undefined && (
          <progress max={1} value={curveProgress.value} aria-label="reading logs" />
        )}
        {problem.value !== undefined && (
          <p class="problem" role="alert">
            {problem.value}
          </p>
        )}
        {zoom.value && (
          <p class="hint">
            Zoomed in.{' '}
            <button
              type="button"
              onClick={() => {
                zoom.value = undefined;
              }}
            >
              Show all
            </button>
          </p>
        )}
        {runNotices.value.map((notice) => (
          <p class="hint" key={notice}>
            {notice}
          </p>
        ))}
      </section>
      <Table />
      <Samples />
    </div>
  );
}

function NoRuns() {
  return (
    <section class="panel empty">
      <h2>No runs yet</h2>
      <p>
        There is no run in {folders.value.length > 0 ? folders.value.join(', ') : 'this folder'} yet. Start
        one in another terminal, and it will appear here.
      </p>
      <p>
        <code>npx char-rnn train book.txt</code>
      </p>
    </section>
  );
}

const METRICS: Readonly<Record<Metric, string>> = {
  trainLoss: 'training loss',
  validationLoss: 'validation loss',
  learningRate: 'learning rate',
  gradientNorm: 'gradient norm',
  parameterNorm: 'parameter norm',
  speed: 'characters a second',
};

function ChartControls() {
  return (
    <div class="row">
      <label class="inline">
        y
        <select value={metric.value} onChange={(event) => setParameters({ y: event.currentTarget.value })}>
          {Object.entries(METRICS).map(([name, text]) => (
            <option key={name} value={name}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <label class="inline">
        x
        <select
          value={axis.value}
          onChange={(event) => {
            zoom.value = undefined;
            setParameters({ x: event.currentTarget.value });
          }}
        >
          <option value="iteration">iteration</option>
          <option value="epoch">epoch</option>
          <option value="time">time</option>
        </select>
      </label>
      <label class="inline">
        <input
          type="checkbox"
          checked={isLogarithmic.value}
          onChange={(event) => setParameters({ log: event.currentTarget.checked ? '1' : undefined })}
        />
        logarithmic
      </label>
      <label class="inline">
        smoothing {smoothing.value}
        <input
          type="range"
          min={0}
          max={0.99}
          step={0.01}
          value={smoothing.value}
          disabled={metric.value === 'validationLoss'}
          onInput={(event) => setParameters({ smooth: event.currentTarget.value })}
        />
      </label>
    </div>
  );
}

const COLUMNS: readonly { readonly key: SortKey; readonly title: string }[] = [
  { key: 'name', title: 'run' },
  { key: 'state', title: 'state' },
  { key: 'iteration', title: 'iteration' },
  { key: 'train', title: 'training' },
  { key: 'last', title: 'last validation' },
  { key: 'best', title: 'best validation' },
];

/** Only the rows in view are in the document. */
function Table() {
  const all = shownRuns.value;
  const from = Math.max(0, firstRow.value - MARGIN);
  const to = Math.min(all.length, firstRow.value + 20 + MARGIN);
  const base = pinned.value === undefined ? undefined : runs.value.get(pinned.value)?.bestEvaluation?.loss;
  const settings = differingSettings.value.slice(0, 8);
  return (
    <section class="panel" aria-label="table of runs">
      <div
        class="table"
        onScroll={(event) => {
          firstRow.value = Math.floor(event.currentTarget.scrollTop / ROW_HEIGHT);
        }}
      >
        <table aria-rowcount={all.length + 1}>
          <thead>
            <tr aria-rowindex={1}>
              <th scope="col">
                <span class="visually-hidden">in the chart</span>
              </th>
              {COLUMNS.map(({ key, title }) => (
                <th key={key} scope="col" aria-sort={ariaSort(key)}>
                  <button type="button" class="quiet" onClick={() => sortBy(key)}>
                    {title}
                    {sorting.value.key === key && (sorting.value.isDescending ? ' ↓' : ' ↑')}
                  </button>
                </th>
              ))}
              {base !== null && base !== undefined && <th scope="col">difference from pinned</th>}
              {settings.map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {from > 0 && <tr style={{ height: `${from * ROW_HEIGHT}px` }} />}
            {all.slice(from, to).map((run, k) => (
              <Row key={run.id} run={run} index={from + k} base={base ?? undefined} settings={settings} />
            ))}
            {to < all.length && <tr style={{ height: `${(all.length - to) * ROW_HEIGHT}px` }} />}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function ariaSort(key: SortKey): 'ascending' | 'descending' | 'none' {
  if (sorting.value.key !== key) return 'none';
  return sorting.value.isDescending ? 'descending' : 'ascending';
}

function sortBy(key: SortKey): void {
  const { value } = sorting;
  sorting.value = { key, isDescending: value.key === key ? !value.isDescending : false };
}

interface RowProps {
  readonly run: RunSummary;
  readonly index: number;
  readonly base: number | undefined;
  readonly settings: readonly string[];
}

function Row({ run, index, base, settings }: RowProps) {
  const { colour } = styleOfRun(run.id);
  const best = run.bestEvaluation?.loss ?? undefined;
  return (
    <tr
      aria-rowindex={index + 2}
      class={run.id === hovered.value ? 'lit' : undefined}
      style={{ height: `${ROW_HEIGHT}px` }}
    >
      <td>
        <input
          type="checkbox"
          checked={picked.value.includes(run.id)}
          aria-label={`show ${run.name} in the chart`}
          onChange={() => togglePick(run.id)}
        />
        <i class="swatch" style={{ background: colour }} aria-hidden="true" />
      </td>
      <th scope="row">
        <a href={`#/run?id=${run.id}`}>{run.name}</a>
      </th>
      <td>{stateText(run)}</td>
      <td class="figure">
        {run.iteration.toLocaleString('en')} / {run.iterations.toLocaleString('en')}
      </td>
      <td class="figure">{lossText(run.trainLoss)}</td>
      <td class="figure">{lossText(run.lastEvaluation?.loss)}</td>
      <td class="figure">{lossText(best)}</td>
      {base !== undefined && (
        <td class="figure">
          {best === undefined ? '–' : `${best >= base ? '+' : '−'}${Math.abs(best - base).toFixed(4)}`}
        </td>
      )}
      {settings.map((name) => (
        <td key={name}>{String(settingOf(run, name) ?? '–')}</td>
      ))}
    </tr>
  );
}

export function lossText(loss: number | null | undefined): string {
  return typeof loss === 'number' ? loss.toFixed(4) : '–';
}

const REASONS: Readonly<Record<string, string>> = {
  completed: 'done',
  iterations: 'done',
  'no-better': 'stopped early',
  interrupted: 'stopped',
};

export function stateText({ state, reason, iteration, iterations, rest }: RunSummary): string {
  if (state === 'running') {
    const share = iterations > 0 ? `${Math.floor((100 * iteration) / iterations)} %` : '';
    return `▶ ${share}${rest === null ? '' : `, ${shortDuration(rest / 1000)} left`}`;
  }
  if (state === 'broken-off') return '✕ interrupted';
  return `■ ${REASONS[reason ?? ''] ?? 'done'}`;
}

/** The samples of the runs in the chart, all after the same fraction of their iterations. */
function Samples() {
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

const loading = new Map<string, number>();

/** Reads the samples of a run when their number has changed. */
async function loadSamples(id: string): Promise<void> {
  const count = runs.value.get(id)?.samples ?? 0;
  if (!source || loading.get(id) === count) return;
  loading.set(id, count);
  const found: { iteration: number; text: string }[] = [];
  try {
    let after: string | undefined;
    for (;;) {
      const page = await source.events(id, after);
      for (const event of page.events)
        if (event.type === 'sampled') found.push({ iteration: event.iteration, text: event.text });
      after = page.position;
      if (!page.hasMore) break;
    }
    samples.value = new Map([...samples.value, [id, found]]);
  } catch (error) {
    problem.value = (error as Error).message;
  }
}
