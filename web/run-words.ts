/** Figures and states of runs in words. */
import type { RunSummary } from '../src/ui/protocol.ts';
import { shortDuration } from './words.ts';

export function lossText(loss: number | null | undefined): string {
  return typeof loss === 'number' ? loss.toFixed(4) : '–';
}

/** `+0.1200`. */
export function differenceText(difference: number): string {
  return `${difference >= 0 ? '+' : '−'}${Math.abs(difference).toFixed(4)}`;
}

const REASONS: Readonly<Record<string, string>> = {
  completed: 'done',
  iterations: 'done',
  'no-better': 'stopped early',
  interrupted: 'stopped',
};

export function stateText({ state, reason, iteration, iterations, rest }: RunSummary): string {
  if (state === 'running') {
    const share = iterations > 0 ? `${Math.floor((100 * iteration) / iterations)} %` : '';
    return `▶ ${share}${rest === null ? '' : `, ${shortDuration(rest / 1000)} left`}`;
  }
  if (state === 'broken-off') return '✕ interrupted';
  return `■ ${REASONS[reason ?? ''] ?? 'done'}`;
}
