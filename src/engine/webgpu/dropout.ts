/** Dropout of the input of a recurrent layer, with the masks of `dropout-mask.ts`. */
import { dropoutKey, dropThreshold } from '../dropout-mask.ts';
import type { Dropout } from '../engine.ts';
import { floatBits, kernel } from './kernel.ts';
import { groupsOf } from './products.ts';
import type { Recorder } from './recorder.ts';
import { dropInputShader } from './shaders/dropout.ts';

/** Some steps of a tensor [T, B, units]. */
export interface DroppedSteps {
  /** The first step. */
  readonly from: number;
  readonly steps: number;
  readonly rows: number;
  readonly units: number;
}

/** Drops units of some steps of `values`. `into` receives these steps, and may be `values` if they begin at 0. */
export function dropInput(
  recorder: Recorder,
  dropout: Dropout,
  values: GPUBuffer,
  into: GPUBuffer,
  { from, steps, rows, units }: DroppedSteps,
): void {
  const place = values === into ? 'in place' : 'copy';
  const size = steps * rows * units;
  recorder.run(
    kernel(`drop input ${place}`, () => dropInputShader(place)),
    values === into ? [into] : [values, into],
    [
      ...[size, rows, units, from * rows * units, (dropout.firstStep ?? 0) + from],
      ...[dropoutKey(dropout), dropThreshold(dropout.probability), floatBits(1 / (1 - dropout.probability))],
      dropout.perSequence ? 1 : 0,
    ],
    groupsOf(size, 64),
  );
}
