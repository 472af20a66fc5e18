/** How far a run of the Train page is, and its curves. */
import { computed } from '@preact/signals';
import { baseline, best, curve, ended, running, startFacts, state } from '../training-state.ts';
import { inWords, shortDuration } from '../words.ts';
import { Chart, type Series } from './chart.tsx';

export function TrainingProgress() {
  const { iteration, iterations, epoch, loss, speed, left } = state.value;
  if (iterations === 0)
    return (
      <p class="hint">The loss curve, and samples of what the model writes as it learns, will appear here.</p>
    );
  return (
    <>
      <ul class="facts">
        {[...startFacts.value, ...(baseline.value ? [baseline.value.fact] : [])].map((fact) => (
          <Fact key={fact} text={inWords(fact)} />
        ))}
      </ul>
      <progress max={iterations} value={iteration} aria-label="iterations" />
      <p class="figures" role={running.value ? undefined : 'status'}>
        iteration {iteration.toLocaleString('en')} of {iterations.toLocaleString('en')}, epoch{' '}
        {epoch.toFixed(2)}, loss {Number.isNaN(loss) ? '–' : loss.toFixed(4)},{' '}
        {Math.round(speed).toLocaleString('en')} characters a second
        {running.value && !Number.isNaN(left) && `, about ${shortDuration(left)} left`}
      </p>
      {ended.value !== undefined && <p role="status">{ended.value}</p>}
    </>
  );
}

/** A fact, such as `memory: about 12 MB`. */
function Fact({ text }: { readonly text: string }) {
  const end = text.indexOf(':') + 1;
  return (
    <li class="fact">
      <span class="hint">{text.slice(0, end)}</span>
      {text.slice(end)}
    </li>
  );
}

const chartSeries = computed<readonly Series[]>(() => {
  const { train, smooth, validation, x } = curve.value;
  const line = baseline.value;
  return [
    { label: 'training', colour: '--faint', values: train, width: 1 },
    { label: 'training, smoothed', colour: '--blue', values: smooth },
    { label: 'validation', colour: '--orange', values: validation, isSparse: true },
    ...(line
      ? [
          {
            label: `count model of order ${line.order}`,
            colour: '--ink-soft',
            values: x.map(() => line.loss),
            width: 1,
            dash: [6, 4],
          },
        ]
      : []),
  ];
});

export function TrainingCurves() {
  // The chart is made while the engine starts: drawing it takes longer than a frame.
  if (state.value.iterations === 0) return null;
  const smooth = curve.value.smooth.at(-1);
  const summary = [
    typeof smooth === 'number'
      ? `Training loss ${smooth.toFixed(3)} nats per character`
      : 'Training has begun',
    best.value
      ? `best validation loss ${best.value.loss.toFixed(4)} at iteration ${best.value.iteration.toLocaleString('en')}`
      : 'no evaluation yet',
  ].join('; ');
  return (
    <Chart
      label="Loss by iteration"
      x={curve.value.x}
      xLabel="iteration"
      yLabel="loss"
      series={chartSeries.value}
      summary={`${summary}.`}
    />
  );
}
