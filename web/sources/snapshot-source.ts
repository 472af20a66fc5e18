/** Runs from the files of `char-rnn ui --export` (`SnapshotIndex` in src/ui/protocol.ts). */
import { decodeFrames } from '../../src/ui/curve-frames.ts';
import type {
  Curve,
  CurvesRequest,
  EventsPage,
  RunDetail,
  SnapshotIndex,
  Source,
  SweepDetail,
} from '../../src/ui/protocol.ts';
import { runningMean } from '../../src/ui/run/running-mean.ts';

const FOLDER = 'snapshot';

export function snapshotSource(): Source {
  let index: Promise<SnapshotIndex> | undefined;
  const indexOf = () => {
    index ??= json<SnapshotIndex>('index.json');
    return index;
  };
  return {
    async *runs() {
      yield (await indexOf()).runs;
    },
    run: (id, signal) => json<RunDetail>(`runs/${id}.json`, signal),
    events: (id, _, signal) => json<EventsPage>(`events/${id}.json`, signal),
    async *curves(
      { ids, metrics = ['trainLoss'], x = 'iteration', from, to, smoothing = 0 }: CurvesRequest,
      signal,
    ) {
      const { curves } = await indexOf();
      for (const id of ids) {
        const bytes = new Uint8Array(await (await file(`curves/${id}.bin`, signal)).arrayBuffer());
        let place = 0;
        for await (const frame of decodeFrames([bytes])) {
          const shown = curves[place++];
          if (frame.type !== 'curve' || shown?.x !== x || !metrics.includes(shown.metric)) continue;
          yield smoothed(within(frame, from, to), smoothing);
        }
      }
    },
    sweeps: async () => ({ sweeps: (await indexOf()).sweeps, isSearching: false }),
    sweep: async (id, known, signal) => known ?? json<SweepDetail>(`sweeps/${id}.json`, signal),
    async checkpoint(id, _, signal) {
      return new Uint8Array(await (await file(`checkpoints/${id}.safetensors`, signal)).arrayBuffer());
    },
  };
}

async function file(path: string, signal?: AbortSignal): Promise<Response> {
  const response = await fetch(`${FOLDER}/${path}`, { signal: signal ?? null });
  if (!response.ok) throw new Error(`${path} is not in this export: the server answered ${response.status}`);
  return response;
}

async function json<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await file(path, signal)).json();
}

/** The bins of a curve whose x is in a range. */
function within(curve: Curve, from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY): Curve {
  const keep = Array.from(curve.x, (x) => x >= from && x <= to);
  const part = (values: Float32Array) => values.filter((_, bin) => keep[bin]);
  const { x, min, max, mean, last, smooth } = curve;
  return {
    ...curve,
    ...{
      x: part(x),
      min: part(min),
      max: part(max),
      mean: part(mean),
      last: part(last),
      smooth: part(smooth),
    },
  };
}

/** An export has no running means: here they are of the bins, not of all values. */
function smoothed(curve: Curve, smoothing: number): Curve {
  if (smoothing === 0) return curve;
  return { ...curve, smooth: runningMean(curve.mean, smoothing ** Math.max(1, curve.width)) };
}
