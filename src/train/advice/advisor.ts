/** Draws conclusions from the events of a run: how long it takes, what its losses say. */
import type { TrainingState } from '../../checkpoint/checkpoint.ts';
import type { EvaluatedEvent, StartedEvent, TrainingEvent, WarningEvent } from '../events.ts';
import type { TrainingObserver } from '../observers/observers.ts';
import { LossCurve } from './loss-curve.ts';
import { type Advice, adviseOnBlocks, adviseOnPoints, adviseOnSize } from './rules.ts';
import { TimeEstimator } from './time-estimate.ts';

/** A standard error above this, in nats, hides the improvements of a usual run. */
const IMPRECISE = 0.03;

/**
 * Adds `timed`, `advice` and a warning of validation data that are too few.
 *
 * @param resumed The state that the run goes on from: what was said before it is not said again.
 */
export function advisor(resumed: TrainingState | undefined): TrainingObserver {
  let own: Advisor | undefined;
  return {
    observe(event) {
      if (event.type === 'started') own = new Advisor(event, resumed);
      return own?.after(event);
    },
  };
}

class Advisor {
  readonly #started: StartedEvent;
  readonly #course: LossCurve;
  readonly #stopwatch: TimeEstimator;
  readonly #said = new Set<string>();
  #learningRate: number;

  constructor(started: StartedEvent, resumed: TrainingState | undefined) {
    this.#started = started;
    const { batchOffset = 0 } = resumed?.shapeChange ?? {};
    this.#course = new LossCurve((iteration) => (iteration + batchOffset) / started.batches.train);
    this.#stopwatch = new TimeEstimator(started);
    this.#learningRate = resumed?.learningRate ?? started.options.learningRate;
    if (resumed) this.#replay(resumed);
  }

  *after(event: TrainingEvent): Generator<TrainingEvent, void, void> {
    switch (event.type) {
      case 'started':
        yield* this.#once(this.#onSize());
        break;
      case 'iteration': {
        this.#learningRate = event.learningRate;
        const timed = this.#stopwatch.after(event);
        if (timed) yield timed;
        if (this.#course.addTraining(event.iteration, event.trainLoss)) yield* this.#once(this.#onBlocks());
        break;
      }
      case 'restored':
        this.#course.goBack(event.iteration);
        break;
      case 'evaluated':
        this.#course.addEvaluation(event.iteration, event.validationLoss);
        yield* this.#once(this.#onPoints());
        yield* this.#onPrecision(event);
        break;
      case 'sampled':
        if (this.#started.batches.validation > 0) break;
        this.#course.addEvaluation(event.iteration, undefined);
        yield* this.#once(this.#onPoints());
        break;
    }
  }

  /** Advice that was not given yet. */
  *#once(advice: Advice | undefined): Generator<TrainingEvent, void, void> {
    if (!advice || this.#said.has(advice.code)) return;
    this.#said.add(advice.code);
    yield { type: 'advice', ...advice };
  }

  *#onPrecision({ standardError }: EvaluatedEvent): Generator<WarningEvent, void, void> {
    const code = 'validation-imprecise';
    if (standardError === undefined || standardError <= IMPRECISE || this.#said.has(code)) return;
    this.#said.add(code);
    const range = (2 * standardError).toFixed(2);
    yield {
      type: 'warning',
      code,
      message:
        `little is held out: the validation loss is known to ± ${range} only, and what differs by less may be chance. ` +
        'Hold out more: a larger `validationFraction` (and a smaller `trainFraction`), or a text of its own (`validation`).',
    };
  }

  #onSize(): Advice | undefined {
    const { options, start } = this.#started;
    return start === 'resumed' ? undefined : adviseOnSize(this.#started, options);
  }

  #onBlocks(): Advice | undefined {
    return adviseOnBlocks(this.#course.blockMeans, this.#course.first, { learningRate: this.#learningRate });
  }

  #onPoints(): Advice | undefined {
    const { options, writes, files } = this.#started;
    const bestPath = writes !== undefined && files ? `${writes}/${files.best}` : undefined;
    const { dropout, hiddenSize } = options;
    const run = { dropout, hiddenSize, learningRate: this.#learningRate, bestPath };
    return adviseOnPoints(this.#course.points, this.#course.first, run);
  }

  /** Goes through the losses so far without a word. */
  #replay({ trainLosses, validationLosses }: TrainingState): void {
    const evaluations = new Map<number, number>();
    for (const [index, iteration] of validationLosses.iterations.entries())
      evaluations.set(iteration, validationLosses.values[index] as number);
    const isEvaluated = (iteration: number) =>
      this.#started.batches.validation > 0
        ? evaluations.has(iteration)
        : iteration % this.#started.options.evaluateEvery === 0;
    for (const [index, iteration] of trainLosses.iterations.entries()) {
      const isFull = this.#course.addTraining(iteration, trainLosses.values[index] as number);
      const advice = isFull ? [this.#onBlocks()] : [];
      if (isEvaluated(iteration)) {
        this.#course.addEvaluation(iteration, evaluations.get(iteration));
        advice.push(this.#onPoints());
      }
      for (const one of advice) if (one) this.#said.add(one.code);
    }
  }
}
