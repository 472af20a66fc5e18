/** The axes of a sweep's parallel coordinates: numbers at their places, linear or logarithmic, and choices at equal distances. */
import type { SweepDetail, SweepParameter, SweepTrial } from '../src/ui/protocol.ts';
import { outcomeAt } from '../src/ui/sweep/importance.ts';
import type { Axis } from './components/parallel-coordinates.tsx';
import { valueText } from './sweep-trials.ts';
import { optionWords } from './words.ts';

/** Values that all have a tick of their own. */
const MAX_VALUES = 6;
/** The end of the loss axis, where the exploded trials are. */
const EXPLODED = 'exploded';

export function axesOf(
  { parameters, rungs }: SweepDetail,
  trials: readonly SweepTrial[],
  rung: number,
): readonly Axis[] {
  const byNumber = new Map(trials.map((trial) => [trial.number, trial]));
  const own = parameters.map((parameter) => parameterAxis(parameter, trials, byNumber));
  const title = rungs > 1 ? `loss at rung ${rung + 1}` : 'loss';
  return [...own, lossAxis(title, trials, byNumber, rung)];
}

type Trials = ReadonlyMap<number, SweepTrial>;

function parameterAxis(parameter: SweepParameter, trials: readonly SweepTrial[], byNumber: Trials): Axis {
  const { name, isNumber, isLogarithmic } = parameter;
  const values = [...new Set(trials.map((trial) => trial.parameters[name]))];
  const title = optionWords(name);
  if (isNumber) {
    const numbers = values.map(Number).sort((a, b) => a - b);
    const scale = scaleOf(numbers, isLogarithmic);
    return {
      ...{ title, ticks: ticksOf(numbers, scale) },
      place: ({ id }) => scale.place(Number(byNumber.get(id)?.parameters[name])),
    };
  }
  const order = values.map(String).sort();
  const placeOf = (value: string) => (order.indexOf(value) + 0.5) / order.length;
  return {
    ...{ title, ticks: order.map((text) => ({ place: placeOf(text), text })) },
    place: ({ id }) => placeOf(String(byNumber.get(id)?.parameters[name])),
  };
}

/** Exploded trials are above all others. */
function lossAxis(title: string, trials: readonly SweepTrial[], byNumber: Trials, rung: number): Axis {
  const outcomes = trials.flatMap((trial) => outcomeAt(trial, rung) ?? []);
  const losses = outcomes.filter(Number.isFinite).sort((a, b) => a - b);
  const hasExploded = losses.length < outcomes.length;
  const height = hasExploded ? 0.88 : 1;
  const scale = scaleOf(losses, false);
  const ticks = ticksOf(losses, scale, 3).map(({ place, text }) => ({ place: place * height, text }));
  return {
    title,
    ticks: hasExploded ? [...ticks, { place: 1, text: EXPLODED }] : ticks,
    place({ id }) {
      const trial = byNumber.get(id);
      const outcome = trial && outcomeAt(trial, rung);
      if (outcome === undefined) return undefined;
      return Number.isFinite(outcome) ? height * scale.place(outcome) : 1;
    },
  };
}

interface Scale {
  place(value: number): number;
  /** The value at a place. */
  at(place: number): number;
}

/** @param sorted Ascending. */
function scaleOf(sorted: readonly number[], isLogarithmic: boolean): Scale {
  const [lowest = 0, highest = 0] = [sorted[0], sorted.at(-1)];
  if (lowest === highest) return { place: () => 0.5, at: () => lowest };
  if (!isLogarithmic || lowest <= 0)
    return {
      place: (value) => (value - lowest) / (highest - lowest),
      at: (place) => lowest + place * (highest - lowest),
    };
  const range = Math.log(highest / lowest);
  return {
    place: (value) => Math.log(value / lowest) / range,
    at: (place) => lowest * Math.exp(place * range),
  };
}

/** Few values have a tick each; many have ticks at equal distances. */
function ticksOf(sorted: readonly number[], scale: Scale, digits = 2) {
  if (sorted.length === 0) return [];
  if (sorted.length <= MAX_VALUES)
    return spaced(sorted.map((value) => ({ place: scale.place(value), text: valueText(value) })));
  return [0, 0.25, 0.5, 0.75, 1].map((place) => ({
    place,
    text: String(Number(scale.at(place).toPrecision(digits))),
  }));
}

/** Without ticks that would lie on one another. */
function spaced<Tick extends { readonly place: number }>(ticks: readonly Tick[]): Tick[] {
  const kept: Tick[] = [];
  for (const tick of ticks) if (tick.place - (kept.at(-1)?.place ?? -1) > 0.05) kept.push(tick);
  return kept;
}
