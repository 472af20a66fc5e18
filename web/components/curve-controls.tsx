/** What the curves of runs show: metric, axis, smoothing. */
import type { CurveAxis, Metric } from '../../src/ui/protocol.ts';
import { setParameters } from '../router.ts';
import { axis, isLogarithmic, metric, smoothing, zoom } from '../run-curves.ts';
import { Checkbox } from './checkbox.tsx';

export const AXES: Readonly<Record<CurveAxis, string>> = {
  iteration: 'iteration',
  epoch: 'epoch',
  time: 'seconds of training',
};

export const METRICS: Readonly<Record<Metric, string>> = {
  trainLoss: 'training loss',
  validationLoss: 'validation loss',
  learningRate: 'learning rate',
  gradientNorm: 'gradient norm',
  parameterNorm: 'parameter norm',
  speed: 'characters a second',
};

export function CurveControls() {
  return (
    <div class="row">
      <label class="inline">
        y
        <select value={metric.value} onChange={(event) => setParameters({ y: event.currentTarget.value })}>
          {Object.entries(METRICS).map(([name, text]) => (
            <option key={name} value={name}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <label class="inline">
        x
        <select
          value={axis.value}
          onChange={(event) => {
            zoom.value = undefined;
            setParameters({ x: event.currentTarget.value });
          }}
        >
          <option value="iteration">iteration</option>
          <option value="epoch">epoch</option>
          <option value="time">time</option>
        </select>
      </label>
      <Checkbox
        checked={isLogarithmic.value}
        onChange={(checked) => setParameters({ log: checked ? '1' : undefined })}
      >
        logarithmic
      </Checkbox>
      <label class="inline">
        smoothing {smoothing.value}
        <input
          type="range"
          min={0}
          max={0.99}
          step={0.01}
          value={smoothing.value}
          disabled={metric.value === 'validationLoss'}
          onInput={(event) => setParameters({ smooth: event.currentTarget.value })}
        />
      </label>
    </div>
  );
}
