/** How much each parameter of a sweep matters. */
import type { SweepDetail } from '../../src/ui/protocol.ts';
import { FEW_TRIALS, type Importance, importances } from '../../src/ui/sweep/importance.ts';
import { optionWords } from '../words.ts';

export interface ImportancePanelProps {
  readonly detail: SweepDetail;
  /** At whose end the trials are compared, from 0. */
  readonly rung: number;
}

export function ImportancePanel({ detail, rung }: ImportancePanelProps) {
  const { trials, parameters } = importances(detail, rung);
  return (
    <section class="panel" aria-labelledby="importance-title">
      <h2 id="importance-title">How much each parameter matters</h2>
      {detail.rungs > 1 && <p class="hint">for the losses at the end of rung {rung + 1}</p>}
      {trials < FEW_TRIALS && (
        <p class="problem">
          With only {trials === 1 ? '1 trial' : `${trials} trials`}, these shares are mostly chance. Use at
          least {FEW_TRIALS} trials.
        </p>
      )}
      <table class="importance" aria-labelledby="importance-title">
        <thead class="visually-hidden">
          <tr>
            <th scope="col">parameter</th>
            <th scope="col">share</th>
            <th scope="col">better values</th>
          </tr>
        </thead>
        <tbody>
          {parameters.map((one) => (
            <tr key={one.name}>
              <th scope="row">{optionWords(one.name)}</th>
              <td class="figure">
                <span class="bar" aria-hidden="true">
                  <i style={{ width: `${100 * one.share}%` }} />
                </span>
                {Math.round(100 * one.share)} %
              </td>
              <td class="hint">{goodText(one)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <details>
        <summary>What the shares mean</summary>
        <p class="hint">
          The trials are ranked by their losses at the end of the rung; exploded ones come last. The share is
          the part of the variance of these ranks that the parameter explains by itself. For numbers, a
          parabola in the parameter’s rank is fitted, so that a best value in the middle counts too; for
          choices and numbers with two values, the mean rank of each value is used. The share is corrected for
          what chance would explain (adjusted R²). Shares of different parameters do not add up to 100 %, and
          interactions between parameters are not included.
        </p>
      </details>
    </section>
  );
}

function goodText({ good, bestValue }: Importance): string {
  switch (good) {
    case 'higher':
      return 'higher is better';
    case 'lower':
      return 'lower is better';
    case 'middle':
      return 'the middle is best';
    case 'ends':
      return 'the middle is worst';
    case 'group':
      return `${bestValue} is best`;
    case 'none':
      return 'no clear effect';
  }
}
