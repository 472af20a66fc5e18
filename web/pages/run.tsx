/** Run: one run in detail. */
import { computed, effect, signal } from '@preact/signals';
import type { CheckpointFile, Curve, Metric, RunDetail, RunEvent } from '../../src/ui/protocol.ts';
import { lastPart } from '../../src/util/last-part.ts';
import { Chart } from '../components/chart.tsx';
import { Command } from '../components/command.tsx';
import { SampleSlider } from '../components/sample-slider.tsx';
import { RepeatedRequest } from '../repeated-request.ts';
import { goTo, route } from '../router.ts';
import { runs, shortPath } from '../run-list.ts';
import { lossText, stateText } from '../run-words.ts';
import { openBytes } from '../session.ts';
import { quotedFile } from '../shell-words.ts';
import { source } from '../sources/source.ts';
import { asSentence, inWords, optionWords } from '../words.ts';

const detail = signal<RunDetail | undefined>(undefined);
const events = signal<readonly RunEvent[]>([]);
const curves = signal<ReadonlyMap<Metric, Curve>>(new Map());
const problem = signal<string | undefined>(undefined);
const sampleIndex = signal<number | undefined>(undefined);

const id = computed(() => (route.value.page === 'run' ? route.value.parameters.get('id') : undefined));
const version = computed(() => (id.value === undefined ? undefined : runs.value.get(id.value)?.version));
const METRICS: readonly Metric[] = ['trainLoss', 'validationLoss', 'learningRate', 'gradientNorm', 'speed'];

let lastId = '';
let position: string | undefined;
/** Two requests at once would append the same events twice. */
const reading = new RepeatedRequest(readRun, 500);

effect(() => {
  version.value;
  const own = id.value;
  if (own === undefined || !source) return;
  reading.schedule(own, own === lastId ? 500 : 0);
});

async function readRun(own: string, isCurrent: () => boolean): Promise<void> {
  if (!source) return;
  if (own !== lastId) {
    lastId = own;
    position = undefined;
    detail.value = undefined;
    events.value = [];
    curves.value = new Map();
    sampleIndex.value = undefined;
  }
  problem.value = undefined;
  try {
    const found = await source.run(own);
    if (!isCurrent()) return;
    detail.value = found;
    for (let hasMore = true; hasMore; ) {
      const page = await source.events(own, position);
      if (!isCurrent()) return;
      events.value = page.isFromStart ? page.events : [...events.value, ...page.events];
      ({ position, hasMore } = page);
    }
    const read = new Map<Metric, Curve>();
    for await (const frame of source.curves({ ids: [own], metrics: METRICS, bins: 600, smoothing: 0.9 }))
      if (frame.type === 'curve') read.set(frame.metric, frame);
    if (isCurrent()) curves.value = read;
  } catch (error) {
    if (isCurrent()) problem.value = asSentence((error as Error).message);
  }
}

export function Run() {
  const shown = detail.value;
  if (!shown || id.value === undefined)
    return (
      <section class="panel empty">
        {id.value === undefined || problem.value !== undefined ? (
          <p class="problem" role="alert">
            {problem.value ?? 'The address does not name a run.'} <a href="#/runs">Back to all runs</a>
          </p>
        ) : (
          <p role="status">Reading the run …</p>
        )}
      </section>
    );
  const { summary } = shown;
  const settings = Object.entries(summary.settings);
  return (
    <div class="columns wide-first">
      <section class="panel" aria-labelledby="run-title">
        <h2 id="run-title">{shortPath.value(summary.name)}</h2>
        {problem.value !== undefined && (
          <p class="problem" role="alert">
            {problem.value} The page shows what was last read. <a href="#/runs">Back to all runs</a>
          </p>
        )}
        <p>
          {stateText(summary)}, iteration {summary.iteration.toLocaleString('en')} of{' '}
          {summary.iterations.toLocaleString('en')}, epoch {summary.epoch.toFixed(2)}. Training loss{' '}
          {lossText(summary.trainLoss)}, best validation loss {lossText(summary.bestEvaluation?.loss)}
          {summary.baselineLoss !== null &&
            ` (to beat: ${lossText(summary.baselineLoss)}, the loss of a count model)`}
          .
        </p>
        <LossChart />
        <Messages />
        <details>
          <summary>Learning rate, gradient and speed</summary>
          <SmallChart metric="learningRate" label="Learning rate" />
          <SmallChart metric="gradientNorm" label="Gradient norm" />
          <SmallChart metric="speed" label="Characters a second" />
        </details>
        <SampleSlider
          samples={events.value.filter((event) => event.type === 'sampled')}
          chosen={sampleIndex.value}
          onChoose={(index) => {
            sampleIndex.value = index;
          }}
        />
      </section>
      <aside class="panel" aria-label="checkpoints and settings">
        <h2>Checkpoints</h2>
        {shown.checkpoints.length === 0 && <p class="hint">None yet.</p>}
        <ul class="stored checkpoints">
          {[...shown.checkpoints].reverse().map((file) => (
            <Checkpoint key={file.id} file={file} />
          ))}
        </ul>
        {summary.state !== 'running' && shown.checkpoints.length > 0 && (
          <p>
            To continue this run: <Command text={resumeCommand(shown)} />
          </p>
        )}
        <h2>Settings</h2>
        <p class="hint">
          {lastPart(summary.text.name)}, {summary.text.characters.toLocaleString('en')} characters;{' '}
          {summary.parameters.toLocaleString('en')} parameters
        </p>
        <dl>
          {settings.map(([name, { value, origin }]) => (
            <div key={name} class="setting">
              <dt>{optionWords(name)}</dt>
              <dd>
                {String(value)} <small>{origin}</small>
              </dd>
            </div>
          ))}
        </dl>
      </aside>
    </div>
  );
}

/** The command that continues a run. If the run has reached its end, the command also sets a later one. */
function resumeCommand({ summary, start, checkpoints }: RunDetail): string {
  const { name, folder, state, reason, iterations } = summary;
  // Of several runs in a folder, the one with this checkpoint.
  const last = name === folder ? undefined : checkpoints.find(({ isLast }) => isLast)?.path;
  const epochs = start?.options.maxEpochs;
  const words = ['npx char-rnn train --resume', quotedFile(last ?? folder)];
  if (state === 'finished' && reason === 'iterations') words.push(`--max-iterations ${2 * iterations}`);
  if (state === 'finished' && reason === 'completed' && typeof epochs === 'number')
    words.push(`--max-epochs ${2 * epochs}`);
  return words.join(' ');
}

function Checkpoint({ file }: { readonly file: CheckpointFile }) {
  const open = async (page: string) => {
    const from = source;
    if (!from) return;
    const isOpen = await openBytes(file.path, async () => (await from.checkpoint(file.id)).buffer);
    if (isOpen) goTo(page);
  };
  return (
    <li>
      <span>
        {file.isBest && '★ best, '}
        {file.isLast && 'last, '}
        epoch {file.epoch.toFixed(2)}, {lossText(file.validationLoss)}
        <small>
          {' '}
          {file.name}, {(file.size / 1e6).toFixed(1)}&nbsp;MB
        </small>
      </span>
      <span class="row">
        <button type="button" onClick={() => open('write')}>
          Write
        </button>
        <button type="button" onClick={() => open('neurons')}>
          Neurons
        </button>
      </span>
    </li>
  );
}

function LossChart() {
  const train = curves.value.get('trainLoss');
  const validation = curves.value.get('validationLoss');
  if (!train || train.x.length === 0) return <p class="hint">No iteration has been logged yet.</p>;
  const merged = mergeCurves(train, validation);
  return (
    <Chart
      label="Loss by iteration"
      height={360}
      xLabel="iteration"
      yLabel="loss"
      x={merged.x}
      series={[
        { label: 'training', colour: '--faint', values: merged.train, width: 1 },
        { label: 'training, smoothed', colour: '--blue', values: merged.smooth },
        { label: 'validation', colour: '--orange', values: merged.validation, isSparse: true },
      ]}
      summary={`Training loss ${train.smooth.at(-1)?.toFixed(3)}, ${validation?.x.length ?? 0} evaluations.`}
    />
  );
}

interface MergedCurves {
  readonly x: readonly number[];
  readonly train: readonly (number | null)[];
  readonly smooth: readonly (number | null)[];
  readonly validation: readonly (number | null)[];
}

function mergeCurves(train: Curve, validation: Curve | undefined): MergedCurves {
  const x = [...new Set([...train.x, ...(validation?.x ?? [])])].sort((a, b) => a - b);
  const column = (curve: Curve | undefined, values: Float32Array | undefined) => {
    const byX = new Map(Array.from(curve?.x ?? [], (at, bin) => [at, values?.[bin] ?? null]));
    return x.map((at) => byX.get(at) ?? null);
  };
  return {
    x,
    train: column(train, train.mean),
    smooth: column(train, train.smooth),
    validation: column(validation, validation?.last),
  };
}

function SmallChart({ metric, label }: { readonly metric: Metric; readonly label: string }) {
  const curve = curves.value.get(metric);
  if (!curve || curve.x.length === 0) return null;
  const last = curve.last.at(-1);
  return (
    <Chart
      label={label}
      xLabel="iteration"
      height={160}
      x={Array.from(curve.x)}
      series={[{ label: label.toLowerCase(), colour: '--blue', values: Array.from(curve.mean) }]}
      summary={`${label}: ${last === undefined ? '–' : Number(last.toPrecision(4))} now.`}
    />
  );
}

type Message = Extract<RunEvent, { readonly type: 'advice' | 'warning' | 'notice' }>;

function isMessage(event: RunEvent): event is Message {
  return event.type === 'advice' || event.type === 'warning' || event.type === 'notice';
}

/** The messages since the run was last started or resumed; earlier ones are collapsed. */
function Messages() {
  const { value } = events;
  let start = value.findLastIndex(({ type }) => type === 'started');
  // Notices and warnings directly before a start belong to it.
  while (['notice', 'warning'].includes(value[start - 1]?.type ?? '')) start--;
  const earlier = value.slice(0, Math.max(0, start)).filter(isMessage);
  const now = value.slice(Math.max(0, start)).filter(isMessage);
  if (earlier.length + now.length === 0) return null;
  return (
    <section aria-labelledby="messages-title">
      <h3 id="messages-title">Advice and warnings</h3>
      <MessageList messages={now} />
      {earlier.length > 0 && (
        <details>
          <summary>{earlier.length} from before the run was resumed</summary>
          <MessageList messages={earlier} />
        </details>
      )}
    </section>
  );
}

function MessageList({ messages }: { readonly messages: readonly Message[] }) {
  return (
    <>
      {messages.map((event) => (
        <p key={`${event.time}${event.message}`} class={event.type === 'warning' ? 'problem' : 'hint'}>
          {asSentence(inWords(event.message))}
        </p>
      ))}
    </>
  );
}
