/** A piece of the line that a run has in the chart. */
import { styleOfRun } from '../run-curves.ts';

export function RunSwatch({ id }: { readonly id: string }) {
  const style = styleOfRun(id);
  return (
    <svg class="run-swatch" viewBox="0 0 28 4" aria-hidden="true">
      {style && <line x2={28} y1={2} y2={2} stroke={style.colour} stroke-dasharray={style.dash.join(' ')} />}
    </svg>
  );
}
