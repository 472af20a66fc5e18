/**
 * Beam search for the most likely texts: of all one-token extensions of the N best texts so far, the N best are kept.
 *
 * A text's score is the sum of its log-probabilities (after bias and bans) divided by length^norm, as in Wu et al. 2016, section 7, but with
 * the plain length. The norm only matters if texts can end early. The search is over when no unfinished text can beat the finished ones.
 */
import { TurnTaker } from '../../util/event-loop.ts';
import { endOnTimeout } from '../form/constraint.ts';
import { type Ending, StopTracker } from '../stops.ts';
import { BeamRows, type BeamSearch, type Extension, type Hypothesis } from './beam-rows.ts';

export interface BeamText {
  readonly tokens: readonly number[];
  /** The log-probability of the whole text, divided by length^norm. */
  readonly score: number;
  readonly ending: Ending;
}

/** Returns at most `beam` texts, the best first. */
export async function beamSearch(search: BeamSearch): Promise<BeamText[]> {
  const { beam, beamNorm, limits, controls, constraint, signal } = search;
  // Log-probabilities are at most 0, but a bias may be above.
  const gain = controls.logitBias?.reduce((most, bias) => Math.max(most, bias), 0) ?? 0;
  const score = ({ logProbability, length }: Hypothesis) => logProbability / Math.max(1, length) ** beamNorm;
  const root = {
    end: new StopTracker(limits),
    constraint,
    logProbability: 0,
    length: 0,
    token: -1,
    before: undefined,
  };
  if (root.end.ending) return [{ tokens: [], score: 0, ending: root.end.ending }];
  if (constraint?.isComplete) return [{ tokens: [], score: 0, ending: 'complete' }];
  const rows = await BeamRows.start(search);
  const turns = new TurnTaker();
  const finished: Hypothesis[] = [];
  try {
    let live: Hypothesis[] = [root];
    for (;;) {
      signal?.throwIfAborted();
      await turns.take();
      // All texts have the same deadline, so one clock reading is enough.
      if (root.end.isTimedOut()) for (const text of live) endOnTimeout(text.end, text.constraint);
      finished.push(...live.filter((text) => text.end.ending));
      const extensions = await rows.bestExtensions(live);
      const next: Hypothesis[] = [];
      const parents: number[] = [];
      for (const extension of extensions) {
        if (next.length === beam) break;
        const before = live[extension.row] as Hypothesis;
        if (before.end.ending) continue;
        const text = extend(before, extension);
        if (text.end.ending) {
          finished.push(text);
        } else {
          next.push(text);
          parents.push(extension.row);
        }
      }
      finished.sort((a, b) => score(b) - score(a)).splice(beam);
      live = next;
      const worst = finished[beam - 1];
      const best = live[0];
      const isOver = worst && best && highestScore(best, { gain, beamNorm, limits }) <= score(worst);
      if (!best || isOver) break;
      rows.advance(
        parents,
        live.map(({ token }) => token),
      );
    }
    const texts = finished.sort((a, b) => score(b) - score(a)).slice(0, beam);
    return texts.map((text) => ({
      tokens: tokensOf(text).slice(0, text.end.shown),
      score: score(text),
      ending: text.end.ending as Ending,
    }));
  } finally {
    rows.release();
  }
}

/**
 * A bound on the score that an unfinished text can still reach.
 *
 * If each further symbol adds the gain g ≥ 0, a text of n symbols has the score (g·n − d) / n^norm, where d ≥ 0 is how far the sum is below
 * g·n now. With a norm of at most 1, or without a gain, it grows with n; else it is highest at n = d·norm / (g·(norm − 1)).
 *
 * @param gain The most that a symbol can add to the sum.
 */
function highestScore(
  { logProbability, length }: Hypothesis,
  { gain, beamNorm, limits }: Pick<BeamSearch, 'beamNorm' | 'limits'> & { readonly gain: number },
): number {
  const below = gain * length - logProbability;
  const growth = gain * (beamNorm - 1);
  const peak = growth > 0 ? (below * beamNorm) / growth : Number.POSITIVE_INFINITY;
  const n = Math.min(limits.length, Math.max(length, peak));
  return (gain * n - below) / Math.max(1, n) ** beamNorm;
}

function extend(before: Hypothesis, { token, logProbability }: Extension): Hypothesis {
  const end = before.end.fork();
  const constraint = before.constraint?.fork();
  end.push(token);
  constraint?.advance(token);
  if (constraint?.isComplete && !end.ending) end.end('complete');
  return { end, constraint, logProbability, length: before.length + 1, token, before };
}

function tokensOf(text: Hypothesis): number[] {
  const tokens: number[] = [];
  for (let at: Hypothesis = text; at.before; at = at.before) tokens.push(at.token);
  return tokens.reverse();
}
