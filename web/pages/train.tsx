/** Train: a model on a text, in the page. */
import { computed, signal } from '@preact/signals';
import type { OptionFacts } from '../../src/option-facts.ts';
import { RunningMean } from '../../src/ui/run/running-mean.ts';
import { Chart, type Series } from '../components/chart.tsx';
import { Controls, flagsOf, problemOf, type Settings, valuesOf } from '../components/controls.tsx';
import { GpuChoice } from '../components/gpu-choice.tsx';
import { SampleSlider } from '../components/sample-slider.tsx';
import { goTo } from '../router.ts';
import { download, model, openModel, worker } from '../session.ts';
import { inWords, shortDuration } from '../words.ts';
import type { TrainingMessage } from '../worker/api.ts';
import type { StoredRun } from '../worker/stored-runs.ts';

/** Points that the curve shows: beyond, neighbours are averaged. */
const MOST_POINTS = 1500;
const SMOOTHING = 0.95;

interface Curve {
  readonly x: readonly number[];
  readonly train: readonly (number | null)[];
  readonly smooth: readonly (number | null)[];
  readonly validation: readonly (number | null)[];
}

const EMPTY: Curve = { x: [], train: [], smooth: [], validation: [] };

const text = signal('');
const textName = signal('pasted-text');
const facts = signal<readonly OptionFacts[]>([]);
const settings = signal<Settings>({ preset: 'balanced', time: '5m' });
const running = signal<AbortController | undefined>(undefined);
const startFacts = signal<readonly string[]>([]);
const curve = signal<Curve>(EMPTY);
const state = signal({ iteration: 0, iterations: 0, epoch: 0, loss: Number.NaN, speed: 0, left: Number.NaN });
const best = signal<{ readonly loss: number; readonly iteration: number } | undefined>(undefined);
const baseline = signal<{ readonly loss: number; readonly order: number } | undefined>(undefined);
const samples = signal<readonly { readonly iteration: number; readonly text: string }[]>([]);
const shownSample = signal<number | undefined>(undefined);
const messages = signal<readonly { readonly kind: string; readonly text: string }[]>([]);
const problem = signal<unknown>(undefined);
const ended = signal<string | undefined>(undefined);
const stored = signal<readonly StoredRun[] | undefined>(undefined);
const keepsNothing = signal<string | undefined>(undefined);
let smoother = new RunningMean(SMOOTHING);
/** All iterations so far; `curve` has at most MOST_POINTS. */
let points: number[] = [];
let evaluations: (readonly [iteration: number, loss: number])[] = [];

const characters = computed(() => text.value.length);

/** Whether a run is going: leaving the page would end it. */
export function isTraining(): boolean {
  return running.value !== undefined;
}

export function stopTraining(): void {
  running.value?.abort();
}

addEventListener('beforeunload', (event) => {
  if (isTraining()) event.preventDefault();
});

async function listRuns(): Promise<void> {
  try {
    stored.value = await worker.call('runs', undefined);
  } catch (error) {
    stored.value = [];
    keepsNothing.value = (error as Error).message;
  }
}

async function start(resume?: StoredRun): Promise<void> {
  if (running.value) return;
  const abort = new AbortController();
  reset();
  try {
    const options = resume ? engineOf(settings.value) : valuesOf(facts.value, settings.value);
    running.value = abort;
    if (!resume) await navigator.storage?.persist?.().catch(() => false);
    const name = resume?.name ?? textName.value;
    const request = { text: resume ? '' : text.value, name, options, resume: resume?.id };
    for await (const message of worker.stream('train', request, abort.signal)) handle(message);
  } catch (error) {
    problem.value = error;
  } finally {
    running.value = undefined;
    await listRuns();
  }
}

/** A run that goes on keeps its options, and its kind of engine unless one has been chosen. */
function engineOf({ engine }: Settings): Record<string, unknown> {
  return engine === undefined ? {} : { engine };
}

function reset(): void {
  smoother = new RunningMean(SMOOTHING);
  points = [];
  evaluations = [];
  curve.value = EMPTY;
  best.value = undefined;
  baseline.value = undefined;
  samples.value = [];
  shownSample.value = undefined;
  messages.value = [];
  startFacts.value = [];
  problem.value = undefined;
  ended.value = undefined;
  state.value = { iteration: 0, iterations: 0, epoch: 0, loss: Number.NaN, speed: 0, left: Number.NaN };
}

function handle(message: TrainingMessage): void {
  switch (message.type) {
    case 'started':
      startFacts.value = message.facts;
      state.value = { ...state.value, iteration: message.iteration, iterations: message.iterations };
      break;
    case 'points': {
      let milliseconds = 0;
      for (let k = 0; k < message.points.length; k += 4) {
        const [iteration, , loss, time] = message.points.subarray(k, k + 4) as unknown as number[];
        points.push(iteration as number, loss as number, smoother.add(loss as number));
        milliseconds += time as number;
      }
      const [iteration, epoch, loss] = message.points.subarray(-4) as unknown as number[];
      const each = (4 * milliseconds) / message.points.length;
      state.value = {
        ...{ iteration: iteration as number, epoch: epoch as number, loss: loss as number },
        ...{ iterations: message.iterations, speed: message.symbolsPerSecond },
        left: (each * (message.iterations - (iteration as number))) / 1000,
      };
      curve.value = curveOf();
      break;
    }
    case 'evaluated':
      evaluations.push([message.iteration, message.validationLoss]);
      if (message.best) best.value = { loss: message.validationLoss, iteration: message.iteration };
      curve.value = curveOf();
      break;
    case 'baseline':
      baseline.value = message;
      break;
    case 'sampled':
      samples.value = [...samples.value, message];
      break;
    case 'back': {
      const { iteration } = message;
      startFacts.value = message.facts;
      points = points.filter((_, k) => (points[k - (k % 3)] as number) <= iteration);
      evaluations = evaluations.filter(([evaluated]) => evaluated <= iteration);
      curve.value = curveOf();
      state.value = { ...state.value, iteration };
      break;
    }
    case 'message':
      messages.value = [...messages.value, message];
      break;
    case 'finished':
      model.value = message.model;
      ended.value = REASONS[message.reason] ?? message.reason;
  }
}

const REASONS: Readonly<Record<string, string>> = {
  completed: 'The run is complete. Its model is open.',
  iterations: 'The run has made all its iterations. Its model is open.',
  'no-better': 'The run has stopped because the validation loss no longer fell. Its model is open.',
  interrupted: 'Stopped. The model is open in its present state; you can continue the run.',
};

/** At most MOST_POINTS of the iterations, and all evaluations. */
function curveOf(): Curve {
  const count = points.length / 3;
  const each = Math.max(1, Math.ceil(count / MOST_POINTS));
  const rows = new Map<number, { train: number | null; smooth: number | null; validation: number | null }>();
  for (let k = 0; k < count; k += each) {
    const size = Math.min(each, count - k);
    let sum = 0;
    for (let j = k; j < k + size; j++) sum += points[3 * j + 1] as number;
    const last = k + size - 1;
    rows.set(points[3 * last] as number, {
      ...{ train: finite(sum / size), smooth: finite(points[3 * last + 2] as number), validation: null },
    });
  }
  for (const [iteration, loss] of evaluations) {
    const row = rows.get(iteration) ?? { train: null, smooth: null, validation: null };
    rows.set(iteration, { ...row, validation: finite(loss) });
  }
  const x = [...rows.keys()].sort((a, b) => a - b);
  const column = (name: 'train' | 'smooth' | 'validation') =>
    x.map((iteration) => rows.get(iteration)?.[name] ?? null);
  return { x, train: column('train'), smooth: column('smooth'), validation: column('validation') };
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

export function Train() {
  if (facts.value.length === 0)
    worker.call('optionFacts', 'training').then((found) => {
      facts.value = found.filter(({ name }) => !LEFT_OUT.has(name));
    });
  if (stored.value === undefined) {
    stored.value = [];
    listRuns();
  }
  return (
    <div class="columns narrow-first">
      <section class="panel" aria-labelledby="train-title">
        <h2 id="train-title">Train</h2>
        <TextInput />
        <div class="row">
          {running.value ? (
            <button type="button" class="primary" onClick={stopTraining}>
              Stop and keep the model
            </button>
          ) : (
            <button type="button" class="primary" disabled={characters.value === 0} onClick={() => start()}>
              Train
            </button>
          )}
          <button
            type="button"
            disabled={!model.value || !!running.value || !ended.value}
            onClick={() => goTo('write')}
          >
            Write with it
          </button>
        </div>
        {problem.value !== undefined && (
          <p class="problem" role="alert">
            {(problem.value as Error).message}
          </p>
        )}
        <GpuChoice
          engine={settings.value.engine}
          disabled={running.value !== undefined}
          onChange={(engine) => {
            settings.value = { ...settings.value, engine };
          }}
        />
        <Controls
          facts={facts.value.filter(({ name }) => name !== 'engine')}
          settings={settings.value}
          disabled={running.value !== undefined}
          problem={problemOf(problem.value)}
          onChange={(changed) => {
            settings.value = changed;
          }}
        />
        <details>
          <summary>The same on the command line</summary>
          <code class="block">
            {['npx char-rnn train', textName.value, ...flagsOf(facts.value, settings.value)].join(' ')}
          </code>
        </details>
        <StoredRuns />
      </section>
      <section class="panel" aria-labelledby="run-title">
        <h2 id="run-title">The run</h2>
        <Progress />
        <Curves />
        <SampleSlider
          samples={samples.value}
          chosen={shownSample.value}
          onChoose={(index) => {
            shownSample.value = index;
          }}
        />
        {messages.value.map((message, index) => (
          <p key={index} class={message.kind === 'warning' ? 'problem' : 'hint'}>
            {inWords(message.text)}
          </p>
        ))}
      </section>
    </div>
  );
}

/** Options that mean nothing in a page. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'saveName',
  'printEvery',
  'vocab',
  'field',
  'encoding',
  'keep',
  // A page has one GPU, which `GpuChoice` offers.
  'gpu',
]);

/** @throws {Error} while a run is going, or if the file can't be read */
export async function takeTrainingText(file: File): Promise<void> {
  if (running.value) throw new Error('a run is going: stop it before you choose another text.');
  const content = await file.text();
  textName.value = file.name;
  text.value = content;
}

function TextInput() {
  return (
    <label class="field">
      <span class="name">
        text <small>{characters.value > 0 && `${characters.value.toLocaleString('en')} characters`}</small>
      </span>
      <textarea
        rows={6}
        value={text.value.length > 100_000 ? `${text.value.slice(0, 100_000)}…` : text.value}
        readOnly={text.value.length > 100_000}
        placeholder="paste a text, or drop a file on this page: the longer, the better"
        disabled={running.value !== undefined}
        onInput={(event) => {
          text.value = event.currentTarget.value;
          textName.value = 'pasted-text';
        }}
      />
      <span class="row">
        <input
          type="file"
          aria-label="a file to train on"
          accept=".txt,.md,.tex,.csv,.xml,.json,text/*"
          disabled={running.value !== undefined}
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            if (!file) return;
            takeTrainingText(file).catch((error) => {
              problem.value = error;
            });
          }}
        />
        {text.value !== '' && (
          <button
            type="button"
            disabled={running.value !== undefined}
            onClick={() => {
              text.value = '';
            }}
          >
            Clear
          </button>
        )}
      </span>
    </label>
  );
}

function Progress() {
  const { iteration, iterations, epoch, loss, speed, left } = state.value;
  if (iterations === 0)
    return (
      <p class="hint">The loss curve, and samples of what the model writes as it learns, will appear here.</p>
    );
  return (
    <>
      <ul class="facts">
        {startFacts.value.map((fact) => (
          <li key={fact}>{fact}</li>
        ))}
      </ul>
      <progress max={iterations} value={iteration} aria-label="iterations" />
      <p class="figures" role={running.value ? undefined : 'status'}>
        iteration {iteration.toLocaleString('en')} of {iterations.toLocaleString('en')}, epoch{' '}
        {epoch.toFixed(2)}, loss {Number.isNaN(loss) ? '–' : loss.toFixed(4)},{' '}
        {Math.round(speed).toLocaleString('en')} characters a second
        {running.value && !Number.isNaN(left) && `, about ${shortDuration(left)} left`}
      </p>
      {ended.value !== undefined && <p role="status">{ended.value}</p>}
    </>
  );
}

const chartSeries = computed<readonly Series[]>(() => {
  const { train, smooth, validation, x } = curve.value;
  const line = baseline.value;
  return [
    { label: 'training', colour: '--faint', values: train, width: 1 },
    { label: 'training, smoothed', colour: '--blue', values: smooth },
    { label: 'validation', colour: '--orange', values: validation, isSparse: true },
    ...(line
      ? [
          {
            label: `count model of order ${line.order}`,
            colour: '--ink-soft',
            values: x.map(() => line.loss),
            width: 1,
            dash: [6, 4],
          },
        ]
      : []),
  ];
});

function Curves() {
  if (curve.value.x.length === 0) return null;
  const smooth = curve.value.smooth.at(-1);
  const summary = [
    typeof smooth === 'number'
      ? `Training loss ${smooth.toFixed(3)} nats per character`
      : 'Training has begun',
    best.value
      ? `best validation loss ${best.value.loss.toFixed(4)} at iteration ${best.value.iteration.toLocaleString('en')}`
      : 'no evaluation yet',
  ].join('; ');
  return (
    <Chart
      label="Loss by iteration"
      x={curve.value.x}
      xLabel="iteration"
      series={chartSeries.value}
      summary={`${summary}.`}
    />
  );
}

function StoredRuns() {
  const runs = stored.value ?? [];
  if (keepsNothing.value !== undefined)
    return (
      <p class="hint">
        This browser can’t store runs ({keepsNothing.value}). Save the model before you leave.
      </p>
    );
  if (runs.length === 0) return null;
  return (
    <section aria-labelledby="stored-title">
      <h3 id="stored-title">Runs stored in this browser</h3>
      <ul class="stored">
        {runs.map((run) => (
          <li key={run.id}>
            <span>
              {run.name}, iteration {run.iteration.toLocaleString('en')} of{' '}
              {run.iterations.toLocaleString('en')}
              {run.bestLoss !== undefined && `, best ${run.bestLoss.toFixed(4)}`}
              <small> {(run.bytes / 1e6).toFixed(1)} MB</small>
            </span>
            <span class="row">
              <button
                type="button"
                disabled={!!running.value}
                onClick={() =>
                  openModel(run.name, () => worker.call('openRun', { id: run.id, which: 'last' }))
                }
              >
                Open
              </button>
              {run.iteration < run.iterations && (
                <button type="button" disabled={!!running.value} onClick={() => start(run)}>
                  Continue
                </button>
              )}
              <button
                type="button"
                onClick={async () =>
                  download(await worker.call('runFile', run.id), `${run.name}.safetensors`)
                }
              >
                Save
              </button>
              <button
                type="button"
                disabled={!!running.value}
                onClick={async () => {
                  if (!confirm(`Delete the run on ${run.name}?`)) return;
                  await worker.call('deleteRun', run.id);
                  await listRuns();
                }}
              >
                Delete
              </button>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
