/** What the curves of runs show: metric, axis, part of the axis, smoothing. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { CurveAxis, Metric } from '../../src/ui/protocol.ts';
import { extentOf, figure } from '../chart-words.ts';
import { setParameters } from '../router.ts';
import {
  axis,
  isLogarithmic,
  isSmooth,
  isZoomed,
  metric,
  setZoom,
  shownCurves,
  smoothing,
  zoom,
} from '../run-curves.ts';
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
          onChange={(event) =>
            setParameters({ x: event.currentTarget.value, from: undefined, to: undefined })
          }
        >
          <option value="iteration">iteration</option>
          <option value="epoch">epoch</option>
          <option value="time">time</option>
        </select>
      </label>
      <ZoomFields key={axis.value} />
      <Checkbox
        checked={isLogarithmic.value}
        onChange={(checked) => setParameters({ log: checked ? '1' : undefined })}
      >
        logarithmic
      </Checkbox>
      <label class="inline smoothing">
        smoothing {smoothing.value}
        <input
          type="range"
          min={0}
          max={0.99}
          step={0.01}
          value={smoothing.value}
          disabled={!isSmooth.value}
          onInput={(event) => setParameters({ smooth: event.currentTarget.value })}
        />
      </label>
    </div>
  );
}

/** The part of the x axis that is shown. An empty field: to the end of the curves. */
function ZoomFields() {
  const from = useRef<HTMLInputElement>(null);
  const to = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState<string | undefined>(undefined);
  const extent = extentOf(shownCurves.value);
  const { value } = zoom;
  // Only when the part changes: a curve that grows must not undo what the reader types.
  useLayoutEffect(() => {
    if (from.current) from.current.value = String(value.from ?? '');
    if (to.current) to.current.value = String(value.to ?? '');
    setProblem(undefined);
  }, [value.from, value.to]);
  const read = () => {
    const next = { from: numberIn(from.current), to: numberIn(to.current) };
    const isReversed = next.from !== undefined && next.to !== undefined && next.from >= next.to;
    setProblem(isReversed ? '“from” must be less than “to”.' : undefined);
    if (!isReversed) setZoom(next);
  };
  return (
    <fieldset class="inline zoom">
      <legend class="visually-hidden">part of the x axis, {AXES[axis.value]}</legend>
      {(['from', 'to'] as const).map((end, at) => (
        <label key={end} class="inline">
          {end}
          <input
            ref={end === 'from' ? from : to}
            type="number"
            class="short"
            step="any"
            placeholder={extent && figure(extent[at] as number)}
            aria-invalid={problem !== undefined}
            onChange={read}
          />
        </label>
      ))}
      <button
        type="button"
        disabled={!isZoomed.value && problem === undefined}
        onClick={(event) => {
          for (const { current } of [from, to]) if (current) current.value = '';
          read();
          // The button can't keep the focus once it is disabled. A click with the pointer counts as 1.
          if (event.detail === 0) from.current?.focus();
        }}
      >
        Show all
      </button>
      {problem !== undefined && (
        <small class="problem" role="alert">
          {problem}
        </small>
      )}
    </fieldset>
  );
}

function numberIn(field: HTMLInputElement | null): number | undefined {
  return field && field.value !== '' ? field.valueAsNumber : undefined;
}
