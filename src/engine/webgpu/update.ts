/** An optimizer's update, and averages of vectors. */
import { checkUpdate } from '../checks.ts';
import { UPDATE_REPORT, type Update } from '../engine.ts';
import { type Layout, parameterSlices } from '../layout.ts';
import type { UpdateRule } from '../update-rules.ts';
import { forEach } from './dispatch.ts';
import { bufferIf, bufferOf } from './handles.ts';
import { floatBits, kernel } from './kernel.ts';
import type { Recorder } from './recorder.ts';
import { applyRule, DECIDE, DECISION_LENGTH, REPORT_NORM, SQUARES, SUM_GROUPS } from './shaders/update.ts';

export function update(recorder: Recorder, call: Update): void {
  checkUpdate(call);
  const [weights, gradient] = [bufferOf(recorder, call.weights), bufferOf(recorder, call.gradient)];
  const report = bufferOf(recorder, call.report);
  const { size, layout } = call.weights;
  const sums = recorder.scratch('sums of squares', SUM_GROUPS * 4);
  const decision = recorder.scratch('decision', DECISION_LENGTH * 4);
  const { decay1, decay2, epsilon } = decays(call.rule);
  const squares = (values: GPUBuffer) =>
    recorder.run(
      kernel('squares', () => SQUARES),
      [values, sums],
      [size],
      [SUM_GROUPS],
    );
  const reportNorm = (values: GPUBuffer, index: number) => {
    squares(values);
    recorder.run(
      kernel('report norm', () => REPORT_NORM),
      [sums, report],
      [index],
      [1],
    );
  };

  squares(gradient);
  const loss = bufferIf(recorder, call.loss);
  recorder.run(
    kernel('decide', () => DECIDE),
    // Without a loss the shader does not read the buffer that is bound instead.
    [sums, loss ?? sums, bufferOf(recorder, call.steps), report, decision],
    [loss ? 1 : 0, ...[call.clipNorm ?? 0, 1 - decay1, 1 - decay2].map(floatBits)],
    [1],
  );
  const biases = biasRanges(recorder, layout);
  const shrink = 1 - call.learningRate * (call.weightDecay ?? 0);
  const numbers = [
    ...[call.learningRate, shrink, call.clipElement ?? 0],
    ...[decay1, 1 - decay1, decay2, 1 - decay2, epsilon],
  ];
  forEach(
    recorder,
    `rule ${call.rule.kind}`,
    () => applyRule(call.rule.kind),
    [decision, biases.buffer, weights, gradient, ...call.moments.map((moment) => bufferOf(recorder, moment))],
    size,
    [biases.pairs, ...numbers.map(floatBits)],
  );
  reportNorm(gradient, UPDATE_REPORT.gradientNorm);
  reportNorm(weights, UPDATE_REPORT.weightNorm);
}

/** The decay of each moment. */
function decays(rule: UpdateRule): {
  readonly decay1: number;
  readonly decay2: number;
  readonly epsilon: number;
} {
  const { epsilon } = rule;
  return rule.kind === 'adam'
    ? { decay1: rule.beta1, decay2: rule.beta2, epsilon }
    : { decay1: rule.alpha, decay2: 0, epsilon };
}

const rangesOfLayout = new WeakMap<Recorder, WeakMap<Layout, { buffer: GPUBuffer; pairs: number }>>();

/** The places of all biases: for each, its first element and the one after its last. Written once for each layout. */
function biasRanges(
  recorder: Recorder,
  layout: Layout,
): { readonly buffer: GPUBuffer; readonly pairs: number } {
  const ofRecorder = rangesOfLayout.get(recorder) ?? new WeakMap();
  rangesOfLayout.set(recorder, ofRecorder);
  const known = ofRecorder.get(layout);
  if (known) return known;
  const ranges = parameterSlices(layout)
    .filter(({ shape }) => shape.length < 2)
    .flatMap(({ offset, size }) => [offset, offset + size]);
  const buffer = recorder.allocate(ranges.length * 4);
  if (ranges.length > 0) recorder.write(buffer, 0, Uint32Array.from(ranges));
  const made = { buffer, pairs: ranges.length / 2 };
  ofRecorder.set(layout, made);
  return made;
}
