/** The curves of a run as columns, from the events of its log, without what a resume or an explosion discarded. */
import { keptLosses } from '../../train/log/discarded.ts';
import type { LoggedEvent } from '../../train/log/logged-event.ts';
import type { Metric } from '../protocol.ts';
import { Series } from './series.ts';

const ITERATION_COLUMNS = [
  'epoch',
  'time',
  'trainLoss',
  'learningRate',
  'gradientNorm',
  'parameterNorm',
  'speed',
] as const;
const EVALUATION_COLUMNS = ['epoch', 'time', 'validationLoss'] as const;

/** Iteration numbers fit into 32 bits. Only a forged log has larger ones. */
const MAX_ITERATION = 2 ** 32 - 1;

export type RunSeries = Series<Metric | 'epoch' | 'time'>;

export class RunColumns {
  readonly #iterations = new Series<(typeof ITERATION_COLUMNS)[number]>(ITERATION_COLUMNS);
  readonly #evaluations = new Series<(typeof EVALUATION_COLUMNS)[number]>(EVALUATION_COLUMNS);
  /** Seconds of training up to each row, in double precision for the next one. */
  #seconds = 0;

  /** Bytes in memory. */
  get bytes(): number {
    return this.#iterations.bytes + this.#evaluations.bytes;
  }

  /** The rows in which a metric has values. */
  seriesOf(metric: Metric): RunSeries {
    return (metric === 'validationLoss' ? this.#evaluations : this.#iterations) as unknown as RunSeries;
  }

  add(event: LoggedEvent): void {
    const kept = keptLosses(event);
    if (kept) this.#cutAfter(kept.trained, kept.evaluated);
    if (event.type === 'iteration' && event.iteration <= MAX_ITERATION) {
      const { milliseconds, tokens } = event;
      if (milliseconds > 0) this.#seconds += milliseconds / 1000;
      this.#iterations.add(event.iteration, [
        event.epoch,
        this.#seconds,
        event.trainLoss,
        event.learningRate,
        event.gradientNorm,
        event.parameterNorm,
        milliseconds > 0 ? (tokens * 1000) / milliseconds : Number.NaN,
      ]);
    }
    if (event.type === 'evaluated' && event.iteration <= MAX_ITERATION)
      this.#evaluations.add(event.iteration, [event.epoch, this.#seconds, event.validationLoss]);
  }

  #cutAfter(trained: number, evaluated: number): void {
    const before = this.#iterations.length;
    this.#iterations.cutAfter(trained);
    this.#evaluations.cutAfter(evaluated);
    if (this.#iterations.length < before) this.#seconds = this.#iterations.column('time').at(-1) ?? 0;
  }
}
