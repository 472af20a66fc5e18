/**
 * What the pages ask for, and the answers: the types of `char-rnn ui`, of its exports, and of runs that a browser keeps itself.
 *
 * Losses are in nats per token, times in milliseconds since 1970, durations in milliseconds. A number that is not finite is `null`, as JSON
 * requires. Ids are opaque: they contain only a–z and 0–9, and are the same each time the program starts with the same folder.
 *
 * | request                          | answer                                                                                       |
 * | -------------------------------- | -------------------------------------------------------------------------------------------- |
 * | `GET api/runs`                   | JSON: a `RunChange` with all runs                                                            |
 * | `GET api/stream`                 | server-sent events; each `data` is a `RunChange`, each `id` its `position`                   |
 * | `GET api/runs/ID`                | JSON: `RunDetail`                                                                            |
 * | `GET api/runs/ID/events?after=P` | JSON: `EventsPage`                                                                           |
 * | `POST api/curves`                | body: `CurvesRequest`; answer: the frames of `curve-frames.ts`                               |
 * | `GET api/checkpoints/ID`         | a safetensors file without tensors `train.*`; with `?training=1`, the whole file             |
 * | `GET api/sweeps`                 | JSON: `SweepList`                                                                            |
 * | `GET api/sweeps/ID`              | JSON: `SweepDetail`, with an ETag; 304 if that is the one in `If-None-Match`                 |
 * | `GET kernels/NAME-HASH.wasm`     | the WebAssembly kernels; NAME is a `KernelBuild`. Needs no token                             |
 *
 * All paths are relative to the page. Requests to `api/` need the header `Authorization: Bearer TOKEN`; the token is in the fragment of the
 * address that the program prints: `#token=…`. An error has the body `{"error": {"message", "code", …}}`, with a message for the reader.
 *
 * `<meta name="source" content="server">` in the page says that it comes from `char-rnn ui`, and `content="snapshot"` that it comes from
 * `char-rnn ui --export`: then the answers to GET requests lie in files (`SnapshotIndex`). Without it, the page is the static site.
 */
import type { JobState } from '../sweep/store.ts';
import type { LoggedEvent } from '../train/log/logged-event.ts';
import type { OptionOrigin } from '../util/option-origins.ts';

/** `running`: a live process holds its folder; `broken-off`: the run was interrupted: it neither runs nor has finished. */
export type RunState = 'running' | 'finished' | 'broken-off';

export interface Setting {
  readonly value: unknown;
  readonly origin: OptionOrigin;
  /** Set if the value is the default: then the setting is listed only because the log gives its origin. */
  readonly isDefault?: true;
}

export interface Evaluation {
  readonly iteration: number;
  readonly epoch: number;
  readonly loss: number | null;
}

/** An entry of the list of runs. */
export interface RunSummary {
  readonly id: string;
  /** The folder, and the name of the log if the folder has several: `cv`, `sweep/3`, `cv/gru`. It may contain any characters. */
  readonly name: string;
  /** The folder, for commands such as `char-rnn train --resume FOLDER`. */
  readonly folder: string;
  /** The run's name in its checkpoints; null in logs of version 1. */
  readonly runId: string | null;
  /** The id of the sweep that it is a trial of; null if it is not one. */
  readonly sweep: string | null;
  readonly state: RunState;
  /** Why it finished: `completed`, `iterations`, `no-better` or `interrupted`; null if it has not. */
  readonly reason: string | null;
  /** Changes whenever the log does. */
  readonly version: string;
  /** Whether the figures may be incomplete, because only the beginning and the end of a long log have been read so far. */
  readonly isPartial: boolean;
  /** The most important settings, and all others for which the log gives an origin, by their names in the library. */
  readonly settings: Readonly<Record<string, Setting>>;
  /** The name of the training text, and its characters. */
  readonly text: { readonly name: string; readonly characters: number };
  readonly parameters: number;
  readonly vocabularySize: number;
  /** The last iteration, 0 before the first. */
  readonly iteration: number;
  /** The iteration at which the run ends. */
  readonly iterations: number;
  readonly epoch: number;
  /** Of the last iteration. */
  readonly trainLoss: number | null;
  readonly lastEvaluation: Evaluation | null;
  readonly bestEvaluation: Evaluation | null;
  /** The loss of the count model that the run has to beat. */
  readonly baselineLoss: number | null;
  /** When the run started last, and when its log last grew. */
  readonly started: number;
  readonly updated: number;
  /** Estimated time to the end of the run; null if it does not run or if that is not known yet. */
  readonly rest: number | null;
  /** The number of its events, as `Source.events` counts them. */
  readonly events: number;
  readonly samples: number;
  /** Advice and warnings so far. */
  readonly advice: number;
  readonly checkpoints: number;
}

/** A change of the list of runs. */
export interface RunChange {
  /** Opaque; continues a stream: `GET api/stream` with the header `last-event-id`. */
  readonly position: string;
  /** Whether `changed` has all runs, so that those known before are void. */
  readonly isComplete: boolean;
  readonly changed: readonly RunSummary[];
  /** Ids of runs whose log was deleted. */
  readonly removed: readonly string[];
  /** Whether folders are still being searched: more runs will come. */
  readonly isSearching: boolean;
  /** The folders that are shown, as they were given. */
  readonly folders: readonly string[];
  /** Sentences about what was left out, such as folders that can't be read. */
  readonly notices: readonly string[];
}

export interface CheckpointFile {
  readonly id: string;
  /** Name of the file, such as `lstm_epoch8.00_1.4537.safetensors`. */
  readonly name: string;
  /** Path for commands, such as `cv/best.safetensors`. */
  readonly path: string;
  /** Bytes of the whole file. */
  readonly size: number;
  /** Identifies the content: an answer with this ETag never changes. */
  readonly etag: string;
  readonly modified: number;
  readonly iteration: number;
  readonly epoch: number;
  /** Of the evaluation at this iteration. */
  readonly validationLoss: number | null;
  /** Whether `best` or `last` points to it. */
  readonly isBest: boolean;
  readonly isLast: boolean;
}

export interface RunDetail {
  readonly summary: RunSummary;
  /** The start of the run as it was logged, with all options. */
  readonly start: Extract<LoggedEvent, { readonly type: 'started' }> | null;
  /** In the order of their iterations. */
  readonly checkpoints: readonly CheckpointFile[];
}

/** An event of a run, other than its iterations and the progress of preparations and evaluations. Numbers that are not finite are `null`. */
export type RunEvent = Exclude<LoggedEvent, { readonly type: 'iteration' | 'evaluating' | 'preparing' }>;

export interface EventsPage {
  /** Pass it as `after` to get the next events. */
  readonly position: string;
  /** Whether earlier events are void: the log was replaced, or its run began anew. True on the first page. */
  readonly isFromStart: boolean;
  readonly events: readonly RunEvent[];
  /** Whether the log holds more events already: a page is at most about a megabyte. */
  readonly hasMore: boolean;
}

/** What a curve shows. `speed`: characters, or tokens of another kind, per second. */
export const METRICS = [
  'trainLoss',
  'validationLoss',
  'learningRate',
  'gradientNorm',
  'parameterNorm',
  'speed',
] as const;

export type Metric = (typeof METRICS)[number];

/** `time`: seconds of training, without evaluations and checkpoints. */
export const CURVE_AXES = ['iteration', 'epoch', 'time'] as const;

export type CurveAxis = (typeof CURVE_AXES)[number];

export interface CurvesRequest {
  /** At most 1,000. */
  readonly ids: readonly string[];
  /** Default: `['trainLoss']`. */
  readonly metrics?: readonly Metric[];
  /** Default: `iteration`. */
  readonly x?: CurveAxis;
  /** Range of x, inclusive. Default: all. */
  readonly from?: number;
  readonly to?: number;
  /** Maximum number of bins of a curve, from 1 to 4,000. Default: 500. */
  readonly bins?: number;
  /** Weight of the previous mean in the running mean, from 0 (none) to 0.999. Default: 0. */
  readonly smoothing?: number;
}

/**
 * A curve in bins. A bin covers a power of two iterations, aligned to 0, so that new iterations change the last bin only. Bins without a
 * value are left out. All arrays have one number for each bin.
 */
export interface Curve {
  readonly type: 'curve';
  readonly id: string;
  readonly metric: Metric;
  /** The `version` of the run that was read. */
  readonly version: string;
  /** Iterations of a bin. */
  readonly width: number;
  /** Of the last value in the bin, in units of the axis. */
  readonly x: Float32Array;
  readonly min: Float32Array;
  readonly max: Float32Array;
  readonly mean: Float32Array;
  readonly last: Float32Array;
  /** The running mean at the last value, computed from all values of the run and without bias to the first ones. Equals `last` if smoothing is 0. */
  readonly smooth: Float32Array;
}

/** Progress of reading a long log: bytes of all logs that the request has to read. */
export interface CurvesProgress {
  readonly type: 'progress';
  readonly read: number;
  readonly total: number;
}

/** A run that has no curve, because its log is gone or can't be read. */
export interface MissingCurve {
  readonly type: 'missing';
  readonly id: string;
  readonly reason: string;
}

export type CurveFrame = Curve | CurvesProgress | MissingCurve;

/** `waiting`: it has trials to train, and no process works on it; `unreadable`: `problem` says why. */
export type SweepState = 'running' | 'waiting' | 'stopped' | 'finished' | 'unreadable';

/** An entry of the list of sweeps. */
export interface SweepSummary {
  readonly id: string;
  readonly name: string;
  /** The folder, as a person would write it: `sweeps/book`. */
  readonly folder: string;
  readonly state: SweepState;
  readonly problem: string | null;
  /** The name of the training text. */
  readonly text: string;
  readonly trials: number;
  /** Its jobs: the trainings of a trial to the end of a rung. Rungs count from 1. */
  readonly jobs: readonly { readonly rung: number; readonly state: JobState; readonly count: number }[];
  /** The trial with the lowest loss. */
  readonly best: {
    readonly trial: number;
    readonly loss: number;
    readonly standardError: number | null;
  } | null;
  /** When its state last changed; 0 if that is not known. */
  readonly updated: number;
}

export interface SweepList {
  readonly sweeps: readonly SweepSummary[];
  /** Whether folders are still being searched: more sweeps may come. */
  readonly isSearching: boolean;
}

/** A parameter that a sweep searches, by its name in the library. */
export interface SweepParameter {
  readonly name: string;
  /** Whether its values are numbers. */
  readonly isNumber: boolean;
  /** Whether its axis is logarithmic. */
  readonly isLogarithmic: boolean;
}

/** The training of a trial to the end of one rung. */
export interface SweepJob {
  readonly state: JobState;
  /** The iteration at which the rung ends. */
  readonly end: number;
  /** How far it is, and the estimated time to its end, while it runs. */
  readonly iteration: number | null;
  readonly rest: number | null;
  /** The lowest loss of the trial up to the end of the rung; null before that, and if it exploded or failed. */
  readonly loss: number | null;
  readonly standardError: number | null;
  /** The machine that trains it, or did. */
  readonly machine: string | null;
  /** Why it exploded, failed or was put back into the queue. */
  readonly message: string | null;
}

export interface SweepTrial {
  /** From 1. */
  readonly number: number;
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
  /** From the first rung to the one that it has reached. */
  readonly jobs: readonly SweepJob[];
  /** Iterations, and the validation loss after each of them. */
  readonly evaluations: readonly (readonly [iteration: number, loss: number])[];
  /** The id of its newest run, if it has a log. */
  readonly run: string | null;
}

export interface SweepDetail {
  readonly summary: SweepSummary;
  readonly method: string;
  readonly seed: number;
  readonly rungs: number;
  readonly eta: number;
  readonly parameters: readonly SweepParameter[];
  /** Options that all trials have. */
  readonly options: Readonly<Record<string, string | number | boolean>>;
  readonly trials: readonly SweepTrial[];
}

/**
 * Where runs come from: a server, a snapshot, a dropped folder, the browser's own storage. Errors are thrown as `Error` with a message for the
 * reader; every method ends when its signal is aborted.
 */
export interface Source {
  /** All runs, and then their changes until the signal is aborted. A source that never changes yields once and ends. */
  runs(signal?: AbortSignal): AsyncIterable<RunChange>;
  run(id: string, signal?: AbortSignal): Promise<RunDetail>;
  /** Curves in the order in which they are ready. */
  curves(request: CurvesRequest, signal?: AbortSignal): AsyncIterable<CurveFrame>;
  /** @param after The `position` of the page before. */
  events(id: string, after?: string, signal?: AbortSignal): Promise<EventsPage>;
  /** A checkpoint's file. @param hasTraining Whether to keep the state of the training run, which is half of the file. */
  checkpoint(id: string, hasTraining?: boolean, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>>;
  sweeps(signal?: AbortSignal): Promise<SweepList>;
  /** @param known What was read before: it is returned if nothing has changed. */
  sweep(id: string, known?: SweepDetail, signal?: AbortSignal): Promise<SweepDetail>;
}

/**
 * `snapshot/index.json` of an export. Its other files lie beside it: `runs/ID.json` (`RunDetail`), `events/ID.json` (one `EventsPage` with all
 * events), `curves/ID.bin` (frames of all metrics over all three axes, 2,000 bins, in the order of `curves`), `checkpoints/ID.safetensors`,
 * `sweeps/ID.json` (`SweepDetail`).
 */
export interface SnapshotIndex {
  readonly formatVersion: 1;
  /** When it was made. */
  readonly made: number;
  readonly programVersion: string;
  readonly runs: RunChange;
  /** What each frame of a file of curves shows. */
  readonly curves: readonly { readonly x: CurveAxis; readonly metric: Metric }[];
  readonly sweeps: readonly SweepSummary[];
}
