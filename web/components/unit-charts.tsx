/** What a unit's values look like: histogram, strongest places, and the gates of its layer. */
import { signed } from '../words.ts';
import type { GateFacts, UnitFacts } from '../worker/api.ts';
import { Place } from './place.tsx';

export interface UnitChartsProps {
  readonly facts: UnitFacts;
  readonly gates: readonly GateFacts[];
  readonly layer: number;
  readonly unit: number;
  readonly symbols: readonly string[];
  readonly onPlace: (position: number) => void;
}

export function UnitCharts({ facts, gates, layer, unit, symbols, onPlace }: UnitChartsProps) {
  const own = gates.filter((gate) => gate.layer === layer);
  return (
    <div class="unit-charts">
      <section>
        <h3>Where it is strongest</h3>
        <ol class="places">
          {facts.strongest.map((position) => (
            <li key={position}>
              <Place
                {...{ symbols }}
                from={position}
                to={position + 1}
                before={20}
                onPick={() => onPlace(position)}
              />
            </li>
          ))}
        </ol>
      </section>
      <section>
        <h3>Distribution of its values</h3>
        <Histogram facts={facts} />
        {own.length > 0 && <Saturation gates={own} unit={unit} />}
      </section>
    </div>
  );
}

const WIDTH = 240;
const HEIGHT = 80;

function Histogram({ facts: { histogram, lowest, highest, mean } }: { readonly facts: UnitFacts }) {
  const most = Math.max(...histogram);
  const width = WIDTH / histogram.length;
  return (
    <figure>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={`values from ${lowest.toFixed(2)} to ${highest.toFixed(2)}, mean ${mean.toFixed(2)}`}
      >
        {histogram.map((count, k) => {
          const height = (HEIGHT * Math.sqrt(count)) / Math.sqrt(most || 1);
          return (
            <rect
              key={k}
              x={k * width}
              y={HEIGHT - height}
              width={width - 1}
              height={height}
              class="bar-fill"
            />
          );
        })}
      </svg>
      <figcaption>
        <span>{signed(lowest)}</span>
        <span>mean {signed(mean)}</span>
        <span>{signed(highest)}</span>
      </figcaption>
    </figure>
  );
}

/** One point for each unit of the layer: how often its gate is nearly closed, and nearly open (Karpathy, Johnson & Li 2015). */
function Saturation({ gates, unit }: { readonly gates: readonly GateFacts[]; readonly unit: number }) {
  return (
    <figure class="saturation">
      <div class="row">
        {gates.map(({ part, closed, open }) => (
          <svg
            key={part}
            viewBox="-4 -4 108 108"
            role="img"
            aria-label={`gate ${part}: nearly closed ${percent(closed[unit - 1])} of the time, nearly open ${percent(open[unit - 1])}`}
          >
            <rect x="0" y="0" width="100" height="100" class="frame" />
            {Array.from(closed, (share, k) => (
              <circle
                key={k}
                cx={100 * share}
                cy={100 - 100 * (open[k] as number)}
                r={k === unit - 1 ? 4 : 1.6}
                class={k === unit - 1 ? 'point chosen' : 'point'}
              />
            ))}
            <text x="96" y="12" text-anchor="end">
              {part}
            </text>
          </svg>
        ))}
      </div>
      <figcaption>
        gates of the layer: the fraction of the time that each is nearly closed (→) and nearly open (↑). The
        large dot is this unit.
      </figcaption>
    </figure>
  );
}

function percent(share: number | undefined): string {
  return `${Math.round(100 * (share ?? 0))} %`;
}
