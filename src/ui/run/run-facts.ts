/** The figures of a run for the list of runs, from the events of its log. */
import { keptLosses } from '../../train/log/discarded.ts';
import type { LoggedEvent, LoggedStart } from '../../train/log/logged-event.ts';
import { trainingOptionsSchema } from '../../train/options.ts';
import { describeType } from '../../util/check-options.ts';
import type { Evaluation, RunSummary, Setting } from '../protocol.ts';

/** Settings that a list always shows, whatever their origin. */
const TELLING = [
  'cell',
  'layers',
  'hiddenSize',
  'embeddingSize',
  'dropout',
  'optimizer',
  'learningRate',
  'batchSize',
  'sequenceLength',
  'seed',
];
/** Maximum evaluations that are kept to find the best one after an explosion. Earlier ones count only if they are the best. */
const MAX_EVALUATIONS = 1000;
/** Maximum messages from before a start. */
export const MAX_PREAMBLE = 100;
/** Limits for what a list shows of a forged log. */
const MAX_SETTINGS = 100;
const MAX_TEXT = 300;

/** The part of a summary that the log determines. */
export type LogFacts = Pick<
  RunSummary,
  | 'runId'
  | 'reason'
  | 'settings'
  | 'text'
  | 'parameters'
  | 'vocabularySize'
  | 'iteration'
  | 'iterations'
  | 'epoch'
  | 'trainLoss'
  | 'lastEvaluation'
  | 'bestEvaluation'
  | 'baselineLoss'
  | 'started'
  | 'events'
  | 'samples'
  | 'advice'
>;

/** A start, as a line of the log. */
type StartedLine = Extract<LoggedEvent, { readonly type: 'started' }>;

/** An estimate of the rest of the run, and when it was made. */
interface Estimate {
  readonly milliseconds: number;
  readonly at: number;
}

export class RunFacts {
  #start: StartedLine | undefined;
  #reason: string | null = null;
  #startedAt = 0;
  #iteration = 0;
  #iterations = 0;
  #epoch = 0;
  #trainLoss = Number.NaN;
  #evaluations: Evaluation[] = [];
  #baseline: number | null = null;
  #estimate: Estimate | undefined;
  #events = 0;
  #samples = 0;
  #advice = 0;
  #preamble: LoggedEvent[] = [];

  /** The start of the run: the last one that began it, with the options of the last one that resumed it. */
  get start(): StartedLine | undefined {
    return this.#start;
  }

  get hasFinished(): boolean {
    return this.#reason !== null;
  }

  add(event: LoggedEvent): void {
    if (event.type === 'started' && event.start !== 'resumed') this.#forget();
    if (isPreamble(event)) this.#preamble = [...this.#preamble, event].slice(-MAX_PREAMBLE);
    else if (event.type !== 'preparing') this.#preamble = [];
    const kept = keptLosses(event);
    if (kept) this.#keep(kept.evaluated, event);
    this.#count(event);
    switch (event.type) {
      case 'started':
        this.#start = event;
        this.#reason = null;
        this.#estimate = undefined;
        this.#startedAt = timeOf(event);
        this.#iterations = event.iterations;
        if (event.iteration !== undefined) this.#iteration = event.iteration;
        break;
      case 'iteration':
        this.#iteration = event.iteration;
        this.#iterations = event.iterations;
        this.#epoch = event.epoch;
        this.#trainLoss = event.trainLoss;
        break;
      case 'restored':
      case 'continued':
        this.#iteration = event.iteration;
        this.#epoch = event.epoch;
        break;
      case 'evaluated':
        this.#addEvaluation(event);
        break;
      case 'baseline':
        this.#baseline = finite(event.loss);
        break;
      case 'timed':
        this.#estimate = { milliseconds: event.restMilliseconds, at: timeOf(event) };
        break;
      case 'finished':
        this.#reason = event.reason;
        this.#iteration = event.iteration;
        this.#epoch = event.epoch;
        break;
    }
  }

  /** The figures so far; undefined before the run has started. */
  facts(): LogFacts | undefined {
    const start = this.#start;
    if (!start) return undefined;
    return {
      runId: start.runId ?? null,
      reason: this.#reason,
      settings: settingsOf(start),
      text: { name: start.text.name.slice(-MAX_TEXT), characters: start.text.characters },
      parameters: start.parameters,
      vocabularySize: start.vocabularySize,
      iteration: this.#iteration,
      iterations: this.#iterations,
      epoch: this.#epoch,
      trainLoss: finite(this.#trainLoss),
      lastEvaluation: this.#evaluations.at(-1) ?? null,
      bestEvaluation: bestOf(this.#evaluations),
      baselineLoss: this.#baseline,
      started: this.#startedAt,
      events: this.#events,
      samples: this.#samples,
      advice: this.#advice,
    };
  }

  /** Estimated milliseconds from a time to the end of the run; null if that is not known. */
  restAt(now: number): number | null {
    if (!this.#estimate || this.hasFinished) return null;
    return Math.max(0, this.#estimate.milliseconds - (now - this.#estimate.at));
  }

  #count(event: LoggedEvent): void {
    if (isShown(event)) this.#events++;
    if (event.type === 'sampled') this.#samples++;
    if (event.type === 'advice' || event.type === 'warning') this.#advice++;
  }

  /** A new run begins in the same log. Messages directly before its start are its own. */
  #forget(): void {
    [this.#events, this.#samples, this.#advice] = [0, 0, 0];
    for (const event of this.#preamble) this.#count(event);
    [this.#iteration, this.#epoch, this.#trainLoss] = [0, 0, Number.NaN];
    this.#baseline = null;
  }

  #keep(evaluated: number, { type }: LoggedEvent): void {
    if (type === 'iteration') return;
    while ((this.#evaluations.at(-1)?.iteration ?? Number.NEGATIVE_INFINITY) > evaluated)
      this.#evaluations.pop();
  }

  #addEvaluation({ iteration, epoch, validationLoss }: Extract<LoggedEvent, { type: 'evaluated' }>): void {
    this.#evaluations.push({ iteration, epoch, loss: finite(validationLoss) });
    if (this.#evaluations.length <= MAX_EVALUATIONS) return;
    const best = bestOf(this.#evaluations);
    const recent = this.#evaluations.slice(-MAX_EVALUATIONS / 2);
    this.#evaluations = best && !recent.includes(best) ? [best, ...recent] : recent;
  }
}

/** Whether a page shows an event by itself: all but iterations and progress. */
export function isShown({ type }: LoggedEvent): boolean {
  return type !== 'iteration' && type !== 'evaluating' && type !== 'preparing';
}

/** Whether it may be a message from before the start of a run. */
export function isPreamble({ type }: LoggedEvent): boolean {
  return type === 'notice' || type === 'warning';
}

function bestOf(evaluations: readonly Evaluation[]): Evaluation | null {
  const finiteOnes = evaluations.filter(({ loss }) => loss !== null);
  return finiteOnes.reduce<Evaluation | null>(
    (best, one) => (best && (best.loss ?? 0) <= (one.loss ?? 0) ? best : one),
    null,
  );
}

const DEFAULTS: ReadonlyMap<string, unknown> = new Map(
  Object.entries(trainingOptionsSchema.shape).map(([name, type]) => [name, describeType(type).defaultValue]),
);

/**
 * Settings with plain values: those of TELLING, and those that somebody has set. A resumed run has all its settings from the checkpoint; of
 * these, the ones that differ from their defaults.
 */
function settingsOf({ options, origins = {} }: LoggedStart): Record<string, Setting> {
  const names = [...new Set([...TELLING, ...Object.keys(origins)])].slice(0, MAX_SETTINGS);
  const settings = names.flatMap((name): [string, Setting][] => {
    const value = Object.hasOwn(options, name) ? options[name] : undefined;
    if (!['string', 'number', 'boolean'].includes(typeof value) || name.length > MAX_TEXT) return [];
    const shown = typeof value === 'string' ? value.slice(0, MAX_TEXT) : value;
    const setting = { value: shown, origin: originOf(origins[name]) };
    const isDefault = !TELLING.includes(name) && DEFAULTS.get(name) === value;
    if (isDefault && setting.origin === 'checkpoint') return [];
    return [[name, isDefault ? { ...setting, isDefault } : setting]];
  });
  return Object.fromEntries(settings);
}

function originOf(origin: string | undefined): Setting['origin'] {
  const known = ['preset', 'checkpoint', 'config', 'flag'] as const;
  return known.find((one) => one === origin) ?? 'default';
}

function timeOf({ time }: LoggedEvent): number {
  return finite(Date.parse(time)) ?? 0;
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
