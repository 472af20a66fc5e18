/** The curves of the runs that the reader has picked, as the address says: metric, axis, smoothing. */
import { computed, effect, signal } from '@preact/signals';
import type { Curve, CurveAxis, CurvesRequest, Metric } from '../src/ui/protocol.ts';
import { extentOf, type ShownCurve } from './chart-words.ts';
import { RepeatedRequest } from './repeated-request.ts';
import { route, setParameters } from './router.ts';
import { picked, pinned } from './run-choice.ts';
import { assignStyles, type RunStyle, styleOf } from './run-colours.ts';
import { runs } from './run-list.ts';
import { source } from './sources/source.ts';
import { theme } from './theme.ts';
import { asSentence } from './words.ts';

/** Milliseconds between two requests for the curves of runs that grow. */
const REFRESH = 1000;
/** Milliseconds until the curves that have arrived are drawn, although others are still to come. */
const FIRST_CURVES = 200;
const curves = signal<ReadonlyMap<string, Curve>>(new Map());
/** Why runs have no curve, by their ids. */
const missing = signal<ReadonlyMap<string, string>>(new Map());
/** Whether the curves that the page asks for have not all arrived yet. */
export const isReadingCurves = signal(true);
export const curveProgress = signal<number | undefined>(undefined);
export const problem = signal<string | undefined>(undefined);
export const hovered = signal<string | undefined>(undefined);

const parameter = (name: string) => route.value.parameters.get(name);
export const axis = computed(() => (parameter('x') ?? 'iteration') as CurveAxis);
export const metric = computed(() => (parameter('y') ?? 'trainLoss') as Metric);
export const smoothing = computed(() => Number(parameter('smooth') ?? 0.9));
/** Whether the curves are running means: of losses and of other values that jump from one iteration to the next. */
export const isSmooth = computed(() => !['validationLoss', 'learningRate'].includes(metric.value));
export const isLogarithmic = computed(() => parameter('log') === '1');

/** A part of the x axis. Without a number, it reaches to the end of the curves. */
export interface Zoom {
  readonly from: number | undefined;
  readonly to: number | undefined;
}

export const zoom = computed<Zoom>(() => ({ from: numberOf('from'), to: numberOf('to') }));
export const isZoomed = computed(() => zoom.value.from !== undefined || zoom.value.to !== undefined);

function numberOf(name: string): number | undefined {
  const value = Number(parameter(name) ?? Number.NaN);
  return Number.isFinite(value) ? value : undefined;
}

export function setZoom({ from, to }: Zoom): void {
  setParameters({ from: from?.toString(), to: to?.toString() });
}

/** What the curves depend on, besides the growth of the runs. */
const request = computed(() => ({
  ids: picked.value,
  metrics: [metric.value],
  x: axis.value,
  bins: picked.value.length > 100 ? 150 : 500,
  smoothing: isSmooth.value ? smoothing.value : 0,
  ...zoom.value,
}));
const requestText = computed(() => JSON.stringify(request.value));
const versions = computed(() => picked.value.map((id) => runs.value.get(id)?.version).join());

let abort = new AbortController();
const reading = new RepeatedRequest(readCurves, REFRESH);
let lastRequest = '';
let lastTime = 0;

effect(() => {
  const text = requestText.value;
  versions.value;
  // Without a page in the address, this one is shown.
  if (!source || !['runs', ''].includes(route.value.page)) return;
  // A growing run is read again at most once a second, another request at once.
  const wait = text === lastRequest ? Math.max(0, lastTime + REFRESH - performance.now()) : 0;
  reading.schedule(text, wait);
});

async function readCurves(text: string): Promise<void> {
  const isNew = text !== lastRequest;
  lastRequest = text;
  lastTime = performance.now();
  abort.abort();
  abort = new AbortController();
  const { signal: own } = abort;
  const asked = JSON.parse(text) as CurvesRequest;
  if (isNew) isReadingCurves.value = true;
  if (asked.ids.length === 0 || !source) {
    curves.value = new Map();
    problem.value = undefined;
    curveProgress.value = undefined;
    isReadingCurves.value = false;
    return;
  }
  try {
    problem.value = undefined;
    const found = new Map(isNew ? [] : curves.value);
    const reasons = new Map<string, string>();
    let shown = performance.now();
    // Each time takes as long as there are curves, so it is done ever more rarely.
    let interval = FIRST_CURVES;
    for await (const frame of source.curves(asked, own)) {
      if (own.aborted) return;
      if (frame.type === 'curve') found.set(frame.id, frame);
      else if (frame.type === 'missing') reasons.set(frame.id, frame.reason);
      else if (frame.type === 'progress') curveProgress.value = frame.read / Math.max(1, frame.total);
      if (performance.now() - shown < interval) continue;
      interval *= 2;
      shown = performance.now();
      curves.value = new Map(found);
    }
    if (own.aborted) return;
    curves.value = found;
    missing.value = reasons;
  } catch (error) {
    if (!own.aborted) problem.value = asSentence((error as Error).message);
  } finally {
    if (!own.aborted) {
      curveProgress.value = undefined;
      isReadingCurves.value = false;
    }
  }
}

/** Also those of runs that were drawn earlier. */
let styles: ReadonlyMap<string, number> = new Map();

const drawnStyles = computed<ReadonlyMap<string, RunStyle>>(() => {
  const drawn = assignStyles(picked.value, styles);
  styles = new Map([...styles, ...drawn]);
  return new Map(Array.from(drawn, ([id, number]) => [id, styleOf(number, theme.value)]));
});

/** How a run is drawn; undefined if it is not in the chart. */
export function styleOfRun(id: string): RunStyle | undefined {
  return drawnStyles.value.get(id);
}

export const shownCurves = computed<readonly ShownCurve[]>(() =>
  picked.value.flatMap((id) => {
    const curve = curves.value.get(id);
    const run = runs.value.get(id);
    const style = styleOfRun(id);
    if (!curve || !run || !style || curve.x.length === 0) return [];
    return [{ label: run.name, curve, isPinned: id === pinned.value, ...style }];
  }),
);

/** The ends of the x axis; undefined: those of the curves. */
export const shownRange = computed<readonly [number, number] | undefined>(() => {
  if (!isZoomed.value) return undefined;
  const [first, last] = extentOf(shownCurves.value) ?? [0, 0];
  const { from = first, to = last } = zoom.value;
  return from < to ? [from, to] : undefined;
});

/** Sentences about picked runs whose logs could not be read. */
export const missingCurves = computed(() =>
  picked.value.flatMap((id) => {
    const reason = missing.value.get(id);
    return reason === undefined ? [] : [`${runs.value.get(id)?.name}: ${reason}`];
  }),
);
