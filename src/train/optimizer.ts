/** The optimizer of a run: its moments in the engine and the number of updates made. */
import {
  type Engine,
  type FloatArray,
  type Tensor,
  UPDATE_REPORT,
  type UpdateRule,
  type Vector,
} from '../engine/engine.ts';
import type { Network } from '../model/network.ts';
import type { TrainingOptions } from './options.ts';

/** Figures of one update. */
export interface UpdateFigures {
  /** ‖gradient‖₂ after clipping. */
  readonly gradientNorm: number;
  /** ‖parameters‖₂ after the update. */
  readonly parameterNorm: number;
  /** False where the gradient or the loss was not finite: then nothing changed. */
  readonly applied: boolean;
}

/** Moments that an optimizer keeps for each parameter. */
export function momentCount(optimizer: TrainingOptions['optimizer']): number {
  return optimizer === 'adam' ? 2 : 1;
}

export class Optimizer {
  readonly #engine: Engine;
  readonly #options: TrainingOptions;
  readonly #moments: readonly Vector[];
  readonly #report: Tensor;
  #steps = 0;

  constructor(engine: Engine, network: Network, options: TrainingOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#moments = Array.from({ length: momentCount(options.optimizer) }, () =>
      engine.vector(network.layout),
    );
    this.#report = engine.tensor('float', [Object.keys(UPDATE_REPORT).length]);
  }

  /** Updates made. */
  get steps(): number {
    return this.#steps;
  }

  /** Goes on from moments in canonical order and a number of updates. */
  restore(moments: readonly FloatArray[], steps: number): void {
    moments.forEach((values, index) => {
      this.#engine.write(this.#moments[index] as Vector, values);
    });
    this.#steps = steps;
  }

  /** One update from the gradient that the network holds. Clips the gradient in place. */
  async update(network: Network, learningRate: number): Promise<UpdateFigures> {
    this.#engine.update({
      weights: network.weights,
      gradient: network.gradient,
      moments: this.#moments,
      rule: this.#rule(),
      learningRate,
      clipElement: this.#options.gradientClip,
      clipNorm: this.#options.gradientNormClip,
      loss: network.totalLoss,
      report: this.#report,
    });
    const report = (await this.#engine.read(this.#report)) as FloatArray;
    const applied = report[UPDATE_REPORT.applied] === 1;
    if (applied) this.#steps++;
    return {
      gradientNorm: report[UPDATE_REPORT.gradientNorm] as number,
      parameterNorm: report[UPDATE_REPORT.weightNorm] as number,
      applied,
    };
  }

  /** The moments, in canonical order of the parameters. */
  readMoments(): Promise<FloatArray[]> {
    return Promise.all(this.#moments.map((moment) => this.#engine.read(moment)));
  }

  #rule(): UpdateRule {
    if (this.#options.optimizer === 'adam') {
      return { kind: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, step: this.#steps + 1 };
    }
    return { kind: 'rmsprop', alpha: this.#options.decayRate, epsilon: 1e-8 };
  }
}
