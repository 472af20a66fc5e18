/** Messages between the server and the thread that reads the logs. */
import type { CheckpointPlace } from '../index/run-checkpoints.node.ts';
import type { IndexChange } from '../index/run-index.node.ts';
import type { CurvesRequest, EventsPage, RunDetail, SweepList } from '../protocol.ts';

/** What the thread is asked for, by the name of the question. */
export interface Questions {
  poll(): Promise<IndexChange>;
  detail(id: string): Promise<Omit<RunDetail, 'summary'> | undefined>;
  events(id: string, after: string | undefined): Promise<EventsPage | undefined>;
  checkpoint(id: string): Promise<CheckpointPlace | undefined>;
  sweeps(): Promise<SweepList>;
  /** `json`: a `SweepDetail`; undefined if the reader's `etag` is still valid. */
  sweep(
    id: string,
    etag: string | undefined,
  ): Promise<{ readonly etag: string; readonly json: string | undefined } | undefined>;
  /** Begins to read curves. Their frames are fetched with `nextFrames`. @returns a number that identifies them */
  openCurves(request: CurvesRequest): Promise<number>;
  /** One or more frames. Undefined after the last one. */
  nextFrames(curves: number): Promise<Uint8Array<ArrayBuffer> | undefined>;
  closeCurves(curves: number): Promise<void>;
}

export interface ToThread {
  readonly id: number;
  readonly question: keyof Questions;
  readonly words: readonly unknown[];
}

export type FromThread =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly problem: string };
