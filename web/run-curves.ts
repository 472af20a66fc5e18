/** The curves of the runs that the reader has picked, as the address says: metric, axis, smoothing. */
import { computed, effect, signal } from '@preact/signals';
import type { Curve, CurveAxis, Metric } from '../src/ui/protocol.ts';
import type { ShownCurve } from './components/curves-chart.tsx';
import { RepeatedRequest } from './repeated-request.ts';
import { route } from './router.ts';
import { styleOfRun } from './run-colours.ts';
import { picked, runs } from './run-list.ts';
import { source } from './sources/source.ts';

/** Milliseconds between two requests for the curves of runs that grow. */
const REFRESH = 1000;
const curves = signal<ReadonlyMap<string, Curve>>(new Map());
export const curveProgress = signal<number | undefined>(undefined);
export const problem = signal<string | undefined>(undefined);
export const hovered = signal<string | undefined>(undefined);
export const zoom = signal<readonly [number, number] | undefined>(undefined);

const parameter = (name: string) => route.value.parameters.get(name);
export const axis = computed(() => (parameter('x') ?? 'iteration') as CurveAxis);
export const metric = computed(() => (parameter('y') ?? 'trainLoss') as Metric);
export const smoothing = computed(() => Number(parameter('smooth') ?? 0.9));
export const isLogarithmic = computed(() => parameter('log') === '1');
export const pinned = computed(() => parameter('base'));

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
      if (own.aborted) return;
      if (frame.type === 'curve') found.set(frame.id, frame);
      else if (frame.type === 'progress') curveProgress.value = frame.read / Math.max(1, frame.total);
      if (performance.now() - shown < 200) continue;
      shown = performance.now();
      curves.value = new Map(found);
    }
    if (!own.aborted) curves.value = found;
  } catch (error) {
    if (!own.aborted) problem.value = (error as Error).message;
  } finally {
    if (!own.aborted) curveProgress.value = undefined;
  }
}

export const shownCurves = computed<readonly ShownCurve[]>(() =>
  picked.value.flatMap((id) => {
    const curve = curves.value.get(id);
    const run = runs.value.get(id);
    if (!curve || !run || curve.x.length === 0) return [];
    return [{ label: run.name, curve, isPinned: id === pinned.value, ...styleOfRun(id) }];
  }),
);
