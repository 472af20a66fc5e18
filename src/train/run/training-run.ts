/** One training run: its network, optimizer, losses and random numbers, and the checkpoint that holds them all. */

import type { GoodState, ShapeChange, TrainedCheckpoint, TrainedText } from '../../checkpoint/checkpoint.ts';
import type { CheckpointStorage } from '../../checkpoint/storage/storage.ts';
import type { BatchSource, Splits } from '../../data/batches/batches.ts';
import type { Corpus } from '../../data/corpus.ts';
import type { Vocabulary } from '../../data/vocabulary.ts';
import type { Engine, Vector } from '../../engine/engine.ts';
import type { ModelConfig } from '../../model/config.ts';
import { Network } from '../../model/network.ts';
import { handled } from '../../util/handled.ts';
import { MersenneTwister } from '../../util/mersenne-twister.ts';
import type { OptionOrigins } from '../../util/option-origins.ts';
import { sampleText } from '../evaluation.ts';
import type { IterationEvent } from '../events.ts';
import { regularizationOf, type TrainingOptions } from '../options.ts';
import { type Explosion, isGood, judge, MAX_CONSECUTIVE_SKIPS, type Skip } from '../recovery/divergence.ts';
import { Recovery } from '../recovery/recovery.ts';
import type { ReplacedEngine } from '../recovery/run-engines.ts';
import { describeTrainedText } from '../saving/trained-text.ts';
import { IterationGradient } from './iteration-gradient.ts';
import { LossHistory } from './loss-history.ts';
import { Optimizer, type UpdateFigures } from './optimizer.ts';
import { firstState, type RunStart, RunState, resumedStability } from './run-state.ts';
import { makeSchedule, type Schedule } from './schedule.ts';

/** The figures of one iteration, without its time. */
export interface IterationFigures extends Omit<IterationEvent, 'type' | 'milliseconds'> {
  /** False if the loss or the gradient was not finite, so that no update was made. */
  readonly updated: boolean;
}

/** The input of a training run. */
export interface RunInput {
  readonly corpus: Corpus;
  readonly options: TrainingOptions;
  /** Where the options come from. */
  readonly origins?: OptionOrigins | undefined;
  readonly engine: Engine;
  /**
   * Replaces the engine after an EngineLostError or a MemoryError.
   *
   * @param iteration The iteration from which the run continues.
   * @throws the error if the run can't continue
   */
  readonly replaceEngine?: ((error: unknown, iteration: number) => Promise<ReplacedEngine>) | undefined;
  /** Where checkpoints go. Default: nowhere. */
  readonly storage?: CheckpointStorage | undefined;
  /** The state to start from. Default: random parameters. */
  readonly start?: RunStart | undefined;
  /** Name of a new run. Default: a random name. */
  readonly runId?: string | undefined;
  /** When it is aborted, the run finishes its iteration, saves a checkpoint and ends as `interrupted`. */
  readonly signal?: AbortSignal | undefined;
  /** Maximum number of iterations in flight. Default: the engine's depth. */
  readonly maxInFlight?: number | undefined;
  /** Bytes of memory that the run may take. */
  readonly availableMemory: number;
  /** Bytes of it that are free now, if known. */
  readonly freeMemory?: number | undefined;
  /** Name of this machine, if known. */
  readonly host?: string | undefined;
}

export class TrainingRun {
  readonly network: Network;
  readonly schedule: Schedule;
  readonly #engine: Engine;
  readonly #config: ModelConfig;
  readonly #options: TrainingOptions;
  readonly #vocabulary: Vocabulary;
  readonly #text: TrainedText;
  readonly #batches: BatchSource;
  readonly #gradient: IterationGradient;
  readonly #optimizer: Optimizer;
  readonly #state: RunState;
  readonly #generator: MersenneTwister;
  readonly #runId: string;
  readonly #shapeChange: ShapeChange | undefined;
  /** Undefined if the first explosion ends the run. */
  readonly #recovery: Recovery | undefined;
  #lastLoss = 0;
  #trainLosses: LossHistory;
  #validationLosses: LossHistory;

  constructor({ engine, options, corpus, start, runId }: RunInput, config: ModelConfig, splits: Splits) {
    const resumed = start?.training;
    this.#engine = engine;
    this.#config = config;
    this.#options = options;
    this.#vocabulary = corpus.vocabulary;
    this.#text = describeTrainedText(corpus);
    this.#batches = splits.train;
    this.schedule = makeSchedule(options, splits.train.count, resumed?.shapeChange?.batchOffset);
    this.#shapeChange = resumed?.shapeChange;
    const shape = { batchSize: options.batchSize, sequenceLength: splits.train.longest };
    this.network = new Network(engine, config, shape, 'training', options.compute);
    this.#gradient = new IterationGradient({
      ...{ engine, network: this.network, batches: splits.train, schedule: this.schedule, options },
    });
    this.#optimizer = new Optimizer(engine, this.network.layout, options);
    this.#state = new RunState(engine, this.network, options, this.#optimizer, this.schedule);
    this.#generator = resumed
      ? MersenneTwister.restore(resumed.generator)
      : new MersenneTwister(options.seed);
    this.#runId = resumed?.runId ?? runId ?? crypto.randomUUID();
    this.#trainLosses = resumed ? LossHistory.from(resumed.trainLosses) : new LossHistory();
    this.#validationLosses = resumed ? LossHistory.from(resumed.validationLosses) : new LossHistory();
    const first = firstState(start, this.network.layout, this.#generator, options);
    this.#state.write(first);
    if (options.onExplosion === 'retry') {
      this.#recovery = new Recovery(first, resumed && resumedStability(resumed, options));
    }
  }

  /** Iterations whose figures have arrived. */
  get iteration(): number {
    return this.#state.iteration;
  }

  /** Iterations enqueued so far. */
  get enqueued(): number {
    return this.#state.enqueued;
  }

  /** The parameters to evaluate, sample and save, on the engine: the average of the weights if there is one. */
  get parameters(): Vector {
    return this.#state.parameters;
  }

  /** The name of the run, the same in all its checkpoints. */
  get id(): string {
    return this.#runId;
  }

  get epoch(): number {
    return this.schedule.epochAt(this.#state.iteration);
  }

  /** The number of the batch in the training split that follows an iteration, from 0. */
  #cursorAfter(iteration: number): number {
    return this.schedule.positionAt(iteration) % this.#batches.count;
  }

  get trainLosses(): LossHistory {
    return this.#trainLosses;
  }

  get validationLosses(): LossHistory {
    return this.#validationLosses;
  }

  /** Whether the last training loss is finite. If not, the parameters are neither evaluated nor saved. */
  get isSound(): boolean {
    return Number.isFinite(this.#lastLoss);
  }

  /** How often the run has returned to its good state and halved the learning rate. */
  get retries(): number {
    return this.#recovery?.retries ?? 0;
  }

  /** Whether the run keeps a state to return to. */
  get canGoBack(): boolean {
    return this.#recovery !== undefined;
  }

  /** Whether the figures of an iteration and all before it must arrive before the next iteration is enqueued: its state may be kept. */
  mustDrainAfter(iteration: number): boolean {
    return this.#recovery?.considersAfter(iteration) ?? false;
  }

  /**
   * Enqueues one iteration: loss, gradient, update. If no update can be made, the engine restores the carried state.
   *
   * @returns a promise of its figures
   */
  async enqueue(): Promise<{ readonly figures: Promise<IterationFigures> }> {
    const state = this.#state;
    const { weights, enqueued, learningRate } = state;
    const iteration = enqueued + 1;
    state.markBatches();
    const { gradient, earlierLosses, steps } = await this.#gradient.enqueue(
      iteration,
      weights,
      state.carried,
    );
    const { accumulate, batchSize, sequenceLength } = this.#options;
    const tokens = steps * batchSize;
    if (this.mustDrainAfter(enqueued)) await this.#keepIfGood(earlierLosses, tokens);
    this.#optimizer.update({
      ...{ weights, gradient, loss: this.network.loss },
      // In proportion to the lengths of the batches (`randomLength`). The figures have the rate of the schedule.
      learningRate: learningRate * (steps / (accumulate * sequenceLength)),
    });
    const update = this.#optimizer.readFigures();
    const figures = handled(
      Promise.all([update, earlierLosses]).then(([report, earlier]) =>
        this.#figuresOf(iteration, tokens, learningRate, { ...report, loss: earlier + report.loss }),
      ),
    );
    state.addToAverage(iteration);
    state.undoBatchesUnlessApplied();
    state.enqueued = iteration;
    return { figures };
  }

  /** Records an iteration whose figures have arrived. Call it in the order of iterations. */
  record({ iteration, trainLoss, updated }: IterationFigures): void {
    this.#state.iteration = iteration;
    this.#lastLoss = trainLoss;
    if (Number.isFinite(trainLoss)) this.#trainLosses.add(iteration, trainLoss);
    if (this.#recovery) this.#recovery.skips = updated ? 0 : this.#recovery.skips + 1;
  }

  #figuresOf(
    iteration: number,
    tokens: number,
    learningRate: number,
    update: UpdateFigures,
  ): IterationFigures {
    return {
      iteration,
      iterations: this.schedule.last,
      epoch: this.schedule.epochAt(iteration),
      trainLoss: update.loss / tokens,
      learningRate,
      gradientNorm: update.gradientNorm,
      parameterNorm: update.parameterNorm,
      tokens,
      updated: update.applied,
    };
  }

  /** Whether an iteration was skipped or has made the run explode; undefined if all is well. */
  judge(figures: IterationFigures): Skip | Explosion | undefined {
    const recovery = this.#recovery;
    return judge(
      figures,
      this.#trainLosses.first,
      recovery?.skips ?? 1,
      recovery ? MAX_CONSECUTIVE_SKIPS : 1,
    );
  }

  /**
   * Records the validation loss of the current state, in nats. If the loss is good, this becomes the state to return to. But the loss of an
   * average does not show whether the weights are good: then the next training loss decides.
   *
   * @returns whether it is the lowest so far, and whether an average of the weights begins because it is not
   */
  async addValidationLoss(loss: number): Promise<{ best: boolean; beginsAverage: boolean }> {
    const { average, averageAfter } = this.#options;
    const { first, lowest } = this.#validationLosses;
    const isOfWeights = !this.#state.isAveraged;
    const best = this.#validationLosses.add(this.#state.iteration, loss);
    const isTriggered = average === 'triggered' && this.#validationLosses.sinceLowest >= averageAfter;
    const beginsAverage = isTriggered && isOfWeights;
    // Before the state is kept, because a run that returns to it does not evaluate it again.
    if (beginsAverage) this.#state.beginAverage();
    if (isOfWeights && isGood(loss, first, lowest)) this.#recovery?.keep(await this.#state.read());
    return { best, beginsAverage };
  }

  /**
   * Returns the run to its last good state, as if nothing had been trained since.
   *
   * @param retries Whether this is another attempt, with half the learning rate. If not, the learning rate is that of the good state.
   * @returns the learning rate from now on
   */
  goBack(retries: boolean): number {
    const recovery = this.#recovery;
    if (!recovery) throw new TypeError('this run keeps no state to go back to');
    const good = retries ? recovery.retry() : recovery.good;
    recovery.skips = 0;
    this.#lastLoss = 0;
    this.#state.write(good);
    this.#trainLosses = this.#trainLosses.upTo(good.iteration);
    this.#validationLosses = this.#validationLosses.upTo(good.iteration);
    return good.learningRate;
  }

  /** A short text from the current model. */
  sample(): Promise<string> {
    return sampleText(this.#engine, this.parameters, this.#vocabulary, this.#options.seed);
  }

  /**
   * A checkpoint of the current state. All reads are enqueued before the first is awaited, and an engine runs its calls in order: so the
   * run may enqueue more iterations without waiting for the result.
   */
  checkpoint(): Promise<TrainedCheckpoint> {
    return this.beginCheckpoint()();
  }

  /**
   * Enqueues the reads of a checkpoint of the state after all iterations enqueued so far.
   *
   * @returns a function to call when the figures of these iterations are recorded, and before later ones are: it returns the checkpoint
   */
  beginCheckpoint(): () => Promise<TrainedCheckpoint> {
    const state = handled(this.#state.read());
    return () => this.#checkpointOf(state);
  }

  /** A checkpoint of the state that the run would go back to, without reading from the engine; undefined if it keeps none. */
  async goodCheckpoint(): Promise<TrainedCheckpoint | undefined> {
    return this.#recovery && (await this.#checkpointOf(this.#recovery.good));
  }

  /** @param state That of the last iteration that is recorded. */
  async #checkpointOf(state: GoodState | Promise<GoodState>): Promise<TrainedCheckpoint> {
    const rest = {
      runId: this.#runId,
      epoch: this.epoch,
      options: this.#options,
      stability: this.#recovery?.toRecord(this.#state.iteration),
      batchSize: this.#options.batchSize,
      ...(this.#shapeChange && { shapeChange: this.#shapeChange }),
      cursor: this.#cursorAfter(this.#state.iteration),
      generator: this.#generator.save(),
      trainLosses: this.#trainLosses.toRecord(),
      validationLosses: this.#validationLosses.toRecord(),
      text: this.#text,
    };
    const { parameters, ...position } = await state;
    return {
      config: this.#config,
      regularization: regularizationOf(this.#options),
      precision: this.#options.precision,
      vocabulary: this.#vocabulary,
      parameters,
      training: { ...position, ...rest },
    };
  }

  /** A network for the batches of a split: the run's own if they fit, else a new one, which the caller must release. */
  networkFor(shape: BatchSource): Network {
    const fits = shape.batchSize === this.#batches.batchSize && shape.longest <= this.#batches.longest;
    if (fits) return this.network;
    return new Network(this.#engine, this.#config, shape, 'evaluation');
  }

  /** Keeps the state before the iteration that is being enqueued, if its loss is good. */
  async #keepIfGood(earlierLosses: Promise<number>, tokens: number): Promise<void> {
    const { first, lowestMean } = this.#trainLosses;
    const loss = ((await earlierLosses) + (await this.#gradient.lossOfBatch())) / tokens;
    if (!isGood(loss, first, lowestMean)) return;
    this.#recovery?.keep(await this.#state.readBeforeBatches());
  }
}
