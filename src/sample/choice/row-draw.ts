/** A sequence's draw controls in the engine's form. */
import type { RowDraw } from '../../engine/engine.ts';
import type { Controls } from './controls.ts';
import type { RecentTokens } from './recent-tokens.ts';

/** @param steps Tokens that are drawn by one call. */
export function rowDraw(
  { controls, recent }: { readonly controls: Controls; readonly recent: RecentTokens | undefined },
  steps: number,
): RowDraw {
  if (!recent) return { controls };
  const length = controls.penaltyWindow;
  const leaving = Int32Array.from({ length: Math.min(steps, length) }, (_, step) => recent.leaving(step));
  return { controls, window: { counts: recent.counts, length, leaving } };
}
