/** The run of the Train page: its text and settings, what it reports, and the runs stored in this browser. */
import { batch, computed, effect, signal } from '@preact/signals';
import type { OptionFacts } from '../src/option-facts.ts';
import { RunningMean } from '../src/ui/run/running-mean.ts';
import { type Settings, valuesOf } from './components/controls.tsx';
import { LastRequest } from './last-request.ts';
import { modelFileName } from './model-file-name.ts';
import { download, isExample, model, openModel, restarts, worker } from './session.ts';
import { asSentence } from './words.ts';
import type { TrainingMessage, TrainRequest } from './worker/api.ts';
import type { StoredRun } from './worker/stored-runs.ts';

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

export const text = signal('');
/** The bytes of the file that `text` comes from; undefined for a text that was pasted or edited. */
const fileBytes = signal<Uint8Array | undefined>(undefined);
/** The name of a text that is not from a file. */
const PASTED = 'pasted-text';
export const textName = signal(PASTED);
export const facts = signal<readonly OptionFacts[]>([]);
export const settings = signal<Settings>({ preset: 'balanced', time: '5m' });
export const running = signal<AbortController | undefined>(undefined);
export const startFacts = signal<readonly string[]>([]);
export const curve = signal<Curve>(EMPTY);
export const state = signal({
  iteration: 0,
  iterations: 0,
  epoch: 0,
  loss: Number.NaN,
  speed: 0,
  left: Number.NaN,
});
export const best = signal<{ readonly loss: number; readonly iteration: number } | undefined>(undefined);
/** The loss of the count model, in the chart and as a fact. */
export const baseline = signal<
  { readonly loss: number; readonly order: number; readonly fact: string } | undefined
>(undefined);
export const samples = signal<readonly { readonly iteration: number; readonly text: string }[]>([]);
export const shownSample = signal<number | undefined>(undefined);
export const messages = signal<readonly { readonly kind: string; readonly text: string }[]>([]);
export const problem = signal<unknown>(undefined);
export const ended = signal<string | undefined>(undefined);
/** The runs stored in this browser; undefined if they are still to be read. */
export const stored = signal<readonly StoredRun[] | undefined>(undefined);
export const keepsNothing = signal<string | undefined>(undefined);
/** The id of the run, if the browser stores it. */
let runId = '';
let smoother = new RunningMean(SMOOTHING);
/** All iterations so far; `curve` has at most MOST_POINTS. */
let points: number[] = [];
let evaluations: (readonly [iteration: number, loss: number])[] = [];

export const characters = computed(() => text.value.length);
/** The name of the file that the text comes from. */
export const fileName = computed(() => (fileBytes.value ? textName.value : undefined));

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

// A new worker can list the runs that the last one could not.
effect(() => {
  restarts.value;
  stored.value = undefined;
  keepsNothing.value = undefined;
});

const listing = new LastRequest();

export async function listRuns(): Promise<void> {
  const isLast = listing.begin();
  try {
    const runs = await worker().call('runs', undefined);
    if (isLast()) stored.value = runs;
  } catch (error) {
    if (!isLast()) return;
    stored.value = [];
    keepsNothing.value = (error as Error).message;
  }
}

/** Opens the model of a stored run. If it can't be read, another tab may have deleted the run: the list is read again. */
export async function openRun({ id, name }: StoredRun): Promise<void> {
  const isOpen = await openModel(name, () => worker().call('openRun', { id, which: 'last' }));
  if (!isOpen) await listRuns();
}

/** Saves the newest checkpoint of a stored run as a file. */
export async function saveRun({ id, name }: StoredRun): Promise<void> {
  try {
    download(await worker().call('runFile', id), modelFileName(name));
  } catch (error) {
    problem.value = error;
    await listRuns();
  }
}

export async function deleteRun({ id }: StoredRun): Promise<void> {
  try {
    await worker().call('deleteRun', id);
  } catch (error) {
    problem.value = error;
  }
  await listRuns();
}

/**
 * Starts a run on the text.
 *
 * @param resume A stored run to continue instead.
 * @param lastIteration The iteration that it is to end with. Default: its own.
 */
export async function start(resume?: StoredRun, lastIteration?: number): Promise<void> {
  if (running.value) return;
  const abort = new AbortController();
  reset();
  try {
    const options = resume ? engineOf(settings.value) : valuesOf(facts.value, settings.value);
    running.value = abort;
    if (!resume) navigator.storage?.persist?.().catch(() => false);
    const name = resume?.name ?? textName.value;
    const own = fileBytes.value ?? text.value;
    const request: TrainRequest = {
      text: resume ? '' : own,
      name,
      options,
      resume: resume?.id,
      lastIteration,
    };
    await follow(request, abort.signal);
  } catch (error) {
    problem.value = error;
  } finally {
    running.value = undefined;
    await listRuns();
  }
}

/** Shows what a run reports. If its worker ends, the run continues in another one, as long as each worker has saved a new checkpoint. */
async function follow(begun: TrainRequest, signal: AbortSignal): Promise<void> {
  let request = begun;
  let saved = 0;
  for (;;) {
    const own = worker();
    try {
      for await (const message of own.stream('train', request, signal)) handle(message);
      return;
    } catch (error) {
      // The session has started another, unless that makes no sense.
      const isReplaced = (error as Error).name === 'WorkerEndedError' && worker() !== own && !signal.aborted;
      if (!isReplaced || runId === '') throw error;
      await own.gone;
      const run = (await worker().call('runs', undefined)).find(({ id }) => id === runId);
      // The reader may have stopped the run meanwhile.
      if (!run || run.iteration <= saved || signal.aborted) throw error;
      saved = run.iteration;
      const text = `${asSentence((error as Error).message)}. The run continues in another worker, from its checkpoint at iteration ${saved.toLocaleString('en')}.`;
      messages.value = [...messages.value, { kind: 'warning', text }];
      request = { ...request, text: '', options: engineOf(settings.value), resume: run.id };
    }
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
  runId = '';
  problem.value = undefined;
  ended.value = undefined;
  state.value = { iteration: 0, iterations: 0, epoch: 0, loss: Number.NaN, speed: 0, left: Number.NaN };
}

function handle(message: TrainingMessage): void {
  switch (message.type) {
    case 'started':
      runId = message.run;
      startFacts.value = message.facts;
      state.value = { ...state.value, iterations: message.iterations };
      goBackTo(message.iteration);
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
    case 'back':
      startFacts.value = message.facts;
      goBackTo(message.iteration);
      break;
    case 'message':
      messages.value = [...messages.value, message];
      break;
    case 'finished':
      isExample.value = false;
      model.value = message.model;
      ended.value = reasonOf(message);
  }
}

/** Discards what was reported of later iterations. */
function goBackTo(iteration: number): void {
  points = points.filter((_, k) => (points[k - (k % 3)] as number) <= iteration);
  evaluations = evaluations.filter(([evaluated]) => evaluated <= iteration);
  samples.value = samples.value.filter((sample) => sample.iteration <= iteration);
  if ((best.value?.iteration ?? 0) > iteration) best.value = bestOf(evaluations);
  curve.value = curveOf();
  state.value = { ...state.value, iteration };
}

function bestOf(measured: typeof evaluations): typeof best.value {
  const finiteOnes = measured.filter(([, loss]) => Number.isFinite(loss));
  const [found] = finiteOnes.sort(([, a], [, b]) => a - b);
  return found && { iteration: found[0], loss: found[1] };
}

function reasonOf({ reason, isStored }: Extract<TrainingMessage, { type: 'finished' }>): string {
  const said = REASONS[reason] ?? reason;
  return reason === 'interrupted' && isStored ? `${said} You can continue the run.` : said;
}

const REASONS: Readonly<Record<string, string>> = {
  completed: 'The run is complete. Its model is open.',
  iterations: 'The run has made all its iterations. Its model is open.',
  'no-better': 'The run has stopped because the validation loss no longer fell. Its model is open.',
  interrupted: 'Stopped. The model is open in its present state.',
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

/** The text that the reader has given last counts, also if an earlier file takes longer to read. */
const lastText = new LastRequest();

/**
 * Takes the text of a file, unless another text is given while it is read.
 *
 * @throws {Error} while a run is going, or if the file can't be read as a text
 */
export async function takeTrainingText(file: File): Promise<void> {
  refuseWhileRunning();
  const isWanted = lastText.begin();
  problem.value = undefined;
  try {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const content = await worker().call('decode', { name: file.name, bytes });
    if (!isWanted()) return;
    refuseWhileRunning();
    batch(() => {
      textName.value = file.name;
      text.value = content;
      fileBytes.value = bytes;
    });
  } catch (error) {
    if (isWanted()) throw error;
  }
}

function refuseWhileRunning(): void {
  if (running.value) throw new Error('a run is going: stop it before you choose another text.');
}

/** Takes a text that was pasted or edited; an empty one clears the field. */
export function typeTrainingText(content: string): void {
  lastText.begin();
  text.value = content;
  textName.value = PASTED;
  fileBytes.value = undefined;
}
