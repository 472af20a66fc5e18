/** Watches the events of a run, and adds estimates of its time and advice. */
import type { TrainingState } from '../../checkpoint/checkpoint.ts';
import type { BaselineEvent, EvaluatedEvent, StartedEvent, TrainingEvent, WarningEvent } from '../events.ts';
import type { TrainingObserver } from '../observers/observers.ts';
import { LossCurve } from './loss-curve.ts';
import { type Advice, adviseOnBlocks, adviseOnPoints, adviseOnSize } from './rules.ts';
import { TimeEstimator } from './time-estimate.ts';
import { unusedOptions } from './unused-options.ts';

/** If its standard error, in nats, is larger than this, the validation loss is too imprecise to show usual improvements. */
const MAX_STANDARD_ERROR = 0.03;

/**
 * Adds the events `timed` and `advice`, and warnings about options without effect and too little held-out text.
 *
 * @param resumed The state that the run resumes from: advice that it has already given is not repeated.
 */
export function advisor(resumed: TrainingState | undefined): TrainingObserver {
  let current: Advisor | undefined;
  return {
    observe(event) {
      if (event.type === 'started') current = new Advisor(event, resumed);
      return current?.after(event);
    },
  };
}

class Advisor {
  readonly #started: StartedEvent;
  readonly #curve: LossCurve;
  readonly #estimator: TimeEstimator;
  /** Codes of the advice and warnings given so far. */
  readonly #given = new Set<string>();
  #learningRate: number;
  #baseline: BaselineEvent | undefined;

  constructor(started: StartedEvent, resumed: TrainingState | undefined) {
    this.#started = started;
    const { batchOffset = 0 } = resumed?.shapeChange ?? {};
    const { accumulate } = started.options;
    this.#curve = new LossCurve(
      (iteration) => (iteration * accumulate + batchOffset) / started.batches.train,
    );
    this.#estimator = new TimeEstimator(started);
    this.#learningRate = resumed?.learningRate ?? started.options.learningRate;
    if (resumed) this.#replay(resumed);
  }

  *after(event: TrainingEvent): Generator<TrainingEvent, void, void> {
    switch (event.type) {
      case 'started':
        yield* unusedOptions(event.options, event.origins);
        yield* this.#once(this.#onSize());
        break;
      case 'iteration': {
        this.#learningRate = event.learningRate;
        const timed = this.#estimator.after(event);
        if (timed) yield timed;
        if (this.#curve.addTraining(event.iteration, event.trainLoss)) yield* this.#once(this.#onBlocks());
        break;
      }
      case 'baseline':
        this.#baseline = event;
        break;
      case 'restored':
      case 'continued':
        this.#curve.goBack(event.iteration);
        break;
      case 'evaluated':
        this.#curve.addEvaluation(event.iteration, event.validationLoss);
        yield* this.#once(this.#onPoints());
        yield* this.#onPrecision(event);
        break;
      case 'sampled':
        if (this.#started.batches.validation > 0) break;
        this.#curve.addEvaluation(event.iteration, undefined);
        yield* this.#once(this.#onPoints());
        break;
    }
  }

  /** Gives advice, unless it was given before. */
  *#once(advice: Advice | undefined): Generator<TrainingEvent, void, void> {
    if (!advice || this.#given.has(advice.code)) return;
    this.#given.add(advice.code);
    yield { type: 'advice', ...advice };
  }

  *#onPrecision({ standardError }: EvaluatedEvent): Generator<WarningEvent, void, void> {
    const code = 'validation-imprecise';
    if (standardError === undefined || standardError <= MAX_STANDARD_ERROR || this.#given.has(code)) return;
    this.#given.add(code);
    const range = (2 * standardError).toFixed(2);
    yield {
      type: 'warning',
      code,
      message:
        `the held-out text is short: the validation loss is accurate only to ± ${range}, and smaller differences may be chance. ` +
        'Hold out more text: use a larger `validationFraction` (and a smaller `trainFraction`), or a separate text (`validation`).',
    };
  }

  #onSize(): Advice | undefined {
    const { options, origins, start } = this.#started;
    const isSettled = start === 'resumed' || origins.hiddenSize === 'preset';
    return isSettled ? undefined : adviseOnSize(this.#started, options);
  }

  #onBlocks(): Advice | undefined {
    return adviseOnBlocks(this.#curve.blockMeans, this.#curve.first, { learningRate: this.#learningRate });
  }

  #onPoints(): Advice | undefined {
    const { options, writes, files } = this.#started;
    const bestPath = writes !== undefined && files ? `${writes}/${files.best}` : undefined;
    return adviseOnPoints(this.#curve.points, this.#curve.first, {
      ...options,
      peakRate: options.learningRate,
      learningRate: this.#learningRate,
      bestPath,
      baseline: this.#baseline,
    });
  }

  /** Replays the losses of a resumed run without giving advice, to know what was given before. */
  #replay({ trainLosses, validationLosses }: TrainingState): void {
    const evaluations = new Map<number, number>();
    for (const [index, iteration] of validationLosses.iterations.entries())
      evaluations.set(iteration, validationLosses.values[index] as number);
    const isEvaluated = (iteration: number) =>
      this.#started.batches.validation > 0
        ? evaluations.has(iteration)
        : iteration % this.#started.options.evaluateEvery === 0;
    for (const [index, iteration] of trainLosses.iterations.entries()) {
      const isFull = this.#curve.addTraining(iteration, trainLosses.values[index] as number);
      const advice = isFull ? [this.#onBlocks()] : [];
      if (isEvaluated(iteration)) {
        this.#curve.addEvaluation(iteration, evaluations.get(iteration));
        advice.push(this.#onPoints());
      }
      for (const one of advice) if (one) this.#given.add(one.code);
    }
  }
}
