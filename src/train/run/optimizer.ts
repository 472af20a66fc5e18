/** The optimizer of a run. Its moments and its count of updates are kept on the engine. */
import {
  type Engine,
  type FloatArray,
  type Tensor,
  UPDATE_REPORT,
  UPDATE_REPORT_LENGTH,
  type Vector,
} from '../../engine/engine.ts';
import type { Layout } from '../../engine/layout.ts';
import { UPDATE_RULES, type UpdateRule, type UpdateRuleKind } from '../../engine/update-rules.ts';
import type { TrainingOptions } from '../options.ts';

/** Figures of one update. */
export interface UpdateFigures {
  /** The training loss: a sum over the batch, in nats. */
  readonly loss: number;
  /** ‖gradient‖₂ after clipping. */
  readonly gradientNorm: number;
  /** ‖parameters‖₂ after the update. */
  readonly parameterNorm: number;
  /** False if the gradient or the loss was not finite: then nothing changed. */
  readonly applied: boolean;
}

/** The input of one update. */
export interface UpdateInput {
  readonly weights: Vector;
  /** Clipped in place. */
  readonly gradient: Vector;
  /** float [≥ 1]: the first element is the loss. If it is not finite, no update is made. */
  readonly loss: Tensor;
  readonly learningRate: number;
}

/** The parameters of each rule, from the options; ε is that of the rule's paper. */
const RULES: { readonly [K in UpdateRuleKind]: (options: TrainingOptions) => UpdateRule<K> } = {
  rmsprop: ({ decayRate }) => ({ kind: 'rmsprop', alpha: decayRate, epsilon: 1e-8 }),
  adam: ({ adamBeta1, adamBeta2 }) => ({ kind: 'adam', beta1: adamBeta1, beta2: adamBeta2, epsilon: 1e-8 }),
};

export class Optimizer {
  /** float [UPDATE_REPORT_LENGTH]: the figures of the last update. */
  readonly report: Tensor;
  readonly #engine: Engine;
  readonly #options: TrainingOptions;
  readonly #rule: UpdateRule;
  /** Limit of the norm of the gradient of the sum over time. */
  readonly #clipNorm: number | undefined;
  readonly #moments: readonly Vector[];
  /** int [1]: updates made. */
  readonly #steps: Tensor;

  constructor(engine: Engine, layout: Layout, options: TrainingOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#rule = RULES[options.optimizer](options);
    const { gradientNormClip, meanNormClip, sequenceLength } = options;
    this.#clipNorm = meanNormClip === undefined ? gradientNormClip : meanNormClip * sequenceLength;
    this.#moments = Array.from({ length: UPDATE_RULES[options.optimizer].moments }, () =>
      engine.vector(layout),
    );
    this.#steps = engine.tensor('int', [1]);
    this.report = engine.tensor('float', [UPDATE_REPORT_LENGTH]);
  }

  /** Sets the moments, in canonical order, and the number of updates made. */
  restore(moments: readonly FloatArray[], steps: number): void {
    moments.forEach((values, index) => {
      this.#engine.write(this.#moments[index] as Vector, values);
    });
    this.#engine.write(this.#steps, [steps]);
  }

  /** Enqueues an update. */
  update(input: UpdateInput): void {
    this.#engine.update({
      ...input,
      moments: this.#moments,
      rule: this.#rule,
      weightDecay: this.#options.weightDecay,
      clipElement: this.#options.gradientClip,
      clipNorm: this.#clipNorm,
      steps: this.#steps,
      report: this.report,
    });
  }

  /** Reads the figures of the last update that was enqueued. */
  async readFigures(): Promise<UpdateFigures> {
    const report = (await this.#engine.read(this.report)) as FloatArray;
    return {
      loss: report[UPDATE_REPORT.loss] as number,
      gradientNorm: report[UPDATE_REPORT.gradientNorm] as number,
      parameterNorm: report[UPDATE_REPORT.weightNorm] as number,
      applied: report[UPDATE_REPORT.applied] === 1,
    };
  }

  /** Reads the number of updates made. */
  async readSteps(): Promise<number> {
    const [steps] = await this.#engine.read(this.#steps);
    return steps as number;
  }

  release(): void {
    for (const handle of [...this.#moments, this.#steps, this.report]) this.#engine.release(handle);
  }

  /** Reads the moments, in the canonical order of the parameters. */
  readMoments(): Promise<FloatArray[]> {
    return Promise.all(this.#moments.map((moment) => this.#engine.read(moment)));
  }
}
