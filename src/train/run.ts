/** The moving parts of one training run: what an iteration changes, and the checkpoint that holds all of it. */

import type { BatchSource, Splits } from '../data/batches.ts';
import type { Corpus } from '../data/corpus.ts';
import type { Engine, FloatArray } from '../engine/engine.ts';
import type { TrainedCheckpoint, TrainedText, TrainingState } from '../formats/checkpoint.ts';
import type { ModelConfig } from '../model/config.ts';
import { Network, type NetworkState } from '../model/network.ts';
import { initialParameters } from '../model/parameters.ts';
import { generateTokens } from '../sample/generator.ts';
import { MersenneTwister } from '../util/mersenne-twister.ts';
import type { IterationEvent } from './events.ts';
import { LossHistory } from './loss-history.ts';
import { Optimizer } from './optimizer.ts';
import type { TrainingOptions } from './options.ts';
import { makeSchedule, type Schedule } from './schedule.ts';

/** Symbols in the sample that is drawn at an evaluation. */
const SAMPLE_LENGTH = 120;
/** Temperature of that sample: a little safer than what the model believes, which reads better early on. */
const SAMPLE_TEMPERATURE = 0.8;

/** One iteration's figures, without its time. */
export interface IterationFigures extends Omit<IterationEvent, 'type' | 'milliseconds'> {
  /** False where the loss or the gradient was not finite, so that nothing was learned. */
  readonly updated: boolean;
}

export interface RunInput {
  readonly engine: Engine;
  readonly config: ModelConfig;
  readonly options: TrainingOptions;
  readonly corpus: Corpus;
  readonly splits: Splits;
  readonly start: RunStart | undefined;
}

/** What a run begins with instead of random parameters: others, in canonical order, and perhaps a whole state to go on from. */
export interface RunStart {
  readonly parameters: FloatArray;
  readonly training?: TrainingState | undefined;
}

export class TrainingRun {
  readonly network: Network;
  readonly schedule: Schedule;
  readonly trainLosses: LossHistory;
  readonly validationLosses: LossHistory;
  /** Iterations made. */
  iteration = 0;
  readonly #engine: Engine;
  readonly #config: ModelConfig;
  readonly #options: TrainingOptions;
  readonly #corpus: Corpus;
  readonly #batches: BatchSource;
  readonly #optimizer: Optimizer;
  readonly #state: NetworkState;
  readonly #generator: MersenneTwister;
  readonly #runId: string;
  #learningRate: number;

  constructor({ engine, config, options, corpus, splits, start }: RunInput) {
    const resumed = start?.training;
    this.#engine = engine;
    this.#config = config;
    this.#options = options;
    this.#corpus = corpus;
    this.#batches = splits.train;
    this.schedule = makeSchedule(options, splits.train.count);
    this.network = new Network(engine, config, options);
    this.#generator = resumed
      ? MersenneTwister.restore(resumed.generator)
      : new MersenneTwister(options.seed);
    this.network.writeParameters(
      start?.parameters ?? initialParameters(this.network.layout, this.#generator, options.precision),
    );
    this.#optimizer = new Optimizer(engine, this.network, options);
    this.#state = this.network.makeState();
    this.#learningRate = options.learningRate;
    this.#runId = resumed?.runId ?? crypto.randomUUID();
    this.trainLosses = resumed ? LossHistory.from(resumed.trainLosses) : new LossHistory();
    this.validationLosses = resumed ? LossHistory.from(resumed.validationLosses) : new LossHistory();
    if (resumed) this.#restore(resumed);
  }

  /** All that an iteration changes, as it was; a learning rate that was given anew is kept. */
  #restore(training: TrainingState): void {
    this.iteration = training.iteration;
    this.#optimizer.restore(training.moments, training.optimizerSteps);
    training.carriedState.forEach((state, layer) => {
      this.#engine.write(this.#state[layer] as NetworkState[number], state);
    });
    if (training.options.learningRate === this.#options.learningRate)
      this.#learningRate = training.learningRate;
  }

  /** Its name, the same in all its checkpoints. */
  get id(): string {
    return this.#runId;
  }

  get epoch(): number {
    return this.schedule.epochAt(this.iteration);
  }

  /** One batch: loss, gradient, update. */
  async iterate(): Promise<IterationFigures> {
    const batch = await this.#batches.batch(this.iteration % this.#batches.count);
    const iteration = this.iteration + 1;
    const { seed } = this.#options;
    this.network.differentiate(batch, this.#state, { seed, iteration });
    const learningRate = this.#learningRate;
    const figures = await this.#optimizer.update(this.network, learningRate);
    const [total] = await this.#engine.read(this.network.totalLoss);
    this.iteration = iteration;
    const trainLoss = (total as number) / this.network.positions;
    this.trainLosses.add(this.iteration, trainLoss);
    this.#learningRate = this.schedule.learningRateAfter(this.iteration, learningRate);
    return {
      iteration: this.iteration,
      iterations: this.schedule.last,
      epoch: this.epoch,
      trainLoss,
      learningRate,
      gradientNorm: figures.gradientNorm,
      parameterNorm: figures.parameterNorm,
      tokens: this.network.positions,
      updated: figures.applied,
    };
  }

  /** A short text from the model as it is, by a generator of its own. */
  async sample(): Promise<string> {
    const { vocabulary } = this.#corpus;
    const drawn: number[] = [];
    const tokens = generateTokens({
      engine: this.#engine,
      weights: this.network.weights,
      vocabularySize: vocabulary.size,
      unknownToken: vocabulary.unknownToken,
      prompts: [[]],
      length: SAMPLE_LENGTH,
      temperature: SAMPLE_TEMPERATURE,
      generators: [new MersenneTwister(this.#options.seed)],
    });
    for await (const [more = []] of tokens) drawn.push(...more);
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(vocabulary.bytesOfAll(drawn));
  }

  /** Everything as it is now. */
  async checkpoint(): Promise<TrainedCheckpoint> {
    const training: TrainingState = {
      runId: this.#runId,
      iteration: this.iteration,
      epoch: this.epoch,
      learningRate: this.#learningRate,
      options: this.#options,
      moments: await this.#optimizer.readMoments(),
      optimizerSteps: this.#optimizer.steps,
      carriedState: await Promise.all(
        this.#state.map(async (layer) => (await this.#engine.read(layer)) as FloatArray),
      ),
      batchSize: this.#options.batchSize,
      cursor: this.iteration % this.#batches.count,
      generator: this.#generator.save(),
      trainLosses: this.trainLosses.toRecord(),
      validationLosses: this.validationLosses.toRecord(),
      text: this.#trainedText(),
    };
    return {
      config: this.#config,
      precision: this.#options.precision,
      vocabulary: this.#corpus.vocabulary,
      parameters: await this.network.readParameters(),
      training,
    };
  }

  #trainedText(): TrainedText {
    const { bytes, sha256, path, validPath, testPath } = this.#corpus.text;
    return {
      ...{ bytes, sha256 },
      ...(path !== undefined && { path }),
      ...(validPath !== undefined && { validPath }),
      ...(testPath !== undefined && { testPath }),
    };
  }
}
