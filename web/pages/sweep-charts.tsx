/** The charts of a sweep: parallel coordinates, and the losses of its trials by rung. */
import { signal } from '@preact/signals';
import type { Curve, SweepDetail, SweepTrial } from '../../src/ui/protocol.ts';
import { outcomeAt } from '../../src/ui/sweep/importance.ts';
import { compare } from '../../src/util/compare.ts';
import type { ShownCurve } from '../chart-words.ts';
import { Checkbox } from '../components/checkbox.tsx';
import { CurvesChart } from '../components/curves-chart.tsx';
import { type CoordinateLine, ParallelCoordinates } from '../components/parallel-coordinates.tsx';
import { colourOf } from '../components/plot.ts';
import { lossText } from '../run-words.ts';
import { axesOf } from '../sweep-axes.ts';
import { lowestLoss, parametersText, reachedRung } from '../sweep-trials.ts';
import { theme } from '../theme.ts';
import type { SweepTableProps } from './sweep-table.tsx';

/** Lines that a chart draws: the best ones. */
const MAX_LINES = 300;

export function SweepCharts({ detail, chosen, onChoose, rung }: SweepChartsProps) {
  const compared = detail.trials.filter((trial) => outcomeAt(trial, rung) !== undefined);
  return (
    <>
      <section class="panel" aria-labelledby="parameters-title">
        <h2 id="parameters-title">Parameters and loss</h2>
        {compared.length === 0 ? (
          <p class="hint">
            No trial has reached the end of {rung === 0 ? 'its first rung' : 'this rung'} yet.
          </p>
        ) : (
          <Coordinates {...{ detail, chosen, onChoose, rung, compared }} />
        )}
      </section>
      <Curves {...{ detail, chosen, onChoose }} />
    </>
  );
}

export interface SweepChartsProps extends SweepTableProps {
  /** At whose end the trials are compared, from 0. */
  readonly rung: number;
}

interface CoordinatesProps extends SweepChartsProps {
  readonly compared: readonly SweepTrial[];
}

function Coordinates({ detail, chosen, onChoose, rung, compared }: CoordinatesProps) {
  const lossOf = (trial: SweepTrial) => outcomeAt(trial, rung) as number;
  const best = [...compared]
    .sort((a, b) => compare(lossOf(a), lossOf(b)) || a.number - b.number)
    .slice(0, MAX_LINES);
  const lines = best
    .map(
      (trial, at): CoordinateLine => ({
        id: trial.number,
        title: titleOf(trial, lossOf(trial)),
        strength: best.length > 1 ? 1 - at / (best.length - 1) : 1,
        isBest: at === 0 && Number.isFinite(lossOf(trial)),
      }),
    )
    .reverse();
  const first = best[0] as SweepTrial;
  const left = compared.length - best.length;
  const isAnyGood = Number.isFinite(lossOf(first));
  const summary = `${best.length === 1 ? 'The trial' : `The ${left > 0 ? `best ${best.length}` : best.length} trials`} after rung ${rung + 1}, one line each.${isAnyGood ? ` The thicker, orange line is the best: ${titleOf(first, lossOf(first))}` : ' All exploded.'}`;
  return (
    <figure>
      <ParallelCoordinates axes={axesOf(detail, compared, rung)} {...{ lines, chosen, onChoose, summary }} />
      <figcaption>
        <span>
          Each line is a trial{detail.rungs > 1 && ` at the end of rung ${rung + 1}`}. The stronger a line,
          the lower its loss
          {isAnyGood && '; the best is orange'}
          {chosen !== undefined && ', the marked one is dashed'}. All figures are in the table below.
          {left > 0 && ` ${left.toLocaleString('en')} trials with higher losses are not drawn.`}
        </span>
      </figcaption>
    </figure>
  );
}

function titleOf(trial: SweepTrial, loss: number): string {
  const result = Number.isFinite(loss) ? `loss ${lossText(loss)}` : 'exploded';
  return `trial ${trial.number}: ${result}, ${parametersText(trial)}`;
}

const isLogarithmic = signal(false);

/** Colours by the rung that a trial has reached: trials that were promoted stand out. */
const RUNG_COLOURS = ['--faint', '--blue', '--orange'] as const;
const DASHES = [[], [6, 3], []] as const;

function Curves({ detail, chosen, onChoose }: SweepTableProps) {
  theme.value;
  const { rungs } = detail;
  const drawn = detail.trials
    .filter(({ evaluations }) => evaluations.length > 0)
    .sort((a, b) => reachedRung(b) - reachedRung(a) || compare(lossKey(a), lossKey(b)))
    .slice(0, MAX_LINES)
    .reverse();
  const curves = drawn.map((trial) => shownCurve(trial, rungs, trial.number === chosen));
  const left = detail.trials.filter(({ evaluations }) => evaluations.length > 0).length - drawn.length;
  return (
    <section class="panel" aria-labelledby="curves-title">
      <div class="row">
        <h2 id="curves-title">{rungs > 1 ? 'Losses by rung' : 'Losses'}</h2>
        <Checkbox
          checked={isLogarithmic.value}
          onChange={(checked) => {
            isLogarithmic.value = checked;
          }}
        >
          logarithmic
        </Checkbox>
      </div>
      {curves.length === 0 ? (
        <p class="hint">No trial has been evaluated yet.</p>
      ) : (
        <>
          <CurvesChart
            curves={curves}
            xLabel="iteration"
            yLabel="validation loss"
            isLogarithmic={isLogarithmic.value}
            range={undefined}
            height={300}
            onZoom={() => {}}
            onHover={() => {}}
            onPick={(index) => onChoose(drawn[index]?.number ?? 0)}
            hint="Click a curve to mark its trial."
          />
          <p class="hint">
            {left > 0 && `The best ${drawn.length} of ${drawn.length + left} trials. `}
            {rungs > 1 && <RungLegend detail={detail} />}
          </p>
        </>
      )}
    </section>
  );
}

function RungLegend({ detail: { trials, rungs } }: { readonly detail: SweepDetail }) {
  return (
    <>
      {Array.from({ length: rungs }, (_, at) => {
        const count = trials.filter((trial) => trial.jobs.length === at + 1).length;
        return (
          <span key={at} class="legend-entry">
            <i
              class="swatch"
              style={{ background: `var(${styleOfRung(at, rungs).colour})` }}
              aria-hidden="true"
            />
            {at + 1 < rungs ? `as far as rung ${at + 1}` : 'in the last rung'}: {count}
          </span>
        );
      })}
    </>
  );
}

/** The last rung is orange, the one before it blue, all others grey. @param rung From 0. */
function styleOfRung(rung: number, rungs: number) {
  const at = rungs === 1 ? 1 : Math.max(0, RUNG_COLOURS.length - (rungs - rung));
  return { colour: RUNG_COLOURS[at] ?? '--faint', dash: DASHES[at] ?? [] };
}

function shownCurve(trial: SweepTrial, rungs: number, isPinned: boolean): ShownCurve {
  const { colour, dash } = styleOfRung(trial.jobs.length - 1, rungs);
  const x = Float32Array.from(trial.evaluations, ([iteration]) => iteration);
  const y = Float32Array.from(trial.evaluations, ([, loss]) => loss);
  const same = { min: y, max: y, mean: y, last: y, smooth: y };
  const curve: Curve = {
    ...{ type: 'curve', id: String(trial.number), metric: 'validationLoss', version: '', width: 1, x },
    ...same,
  };
  return {
    label: `trial ${trial.number}`,
    colour: colourOf(isPinned ? '--ink' : colour),
    dash,
    curve,
    isPinned,
  };
}

function lossKey(trial: SweepTrial): number {
  return lowestLoss(trial) ?? Number.POSITIVE_INFINITY;
}
