/**
 * The trials of a sweep. Trial `k` is a function of the space, the seed and `k`, so nothing has to be stored for a sweep that is killed.
 */
import { gridPoint, type Parameters, randomPoint, type Space, sizeOf } from './space.ts';

export const METHODS = ['grid', 'random'] as const;
export type Method = (typeof METHODS)[number];

export interface Search {
  readonly method: Method;
  readonly space: Space;
  readonly seed: number;
}

/**
 * The parameters of the first trials. More trials begin with the same ones. In a space of lists, no two trials are equal.
 *
 * @param count At most `sizeOf(space)`.
 */
export function parametersOfTrials({ method, space, seed }: Search, count: number): Parameters[] {
  if (count > sizeOf(space)) throw new TypeError(`${count} trials in a space of ${sizeOf(space)}`);
  if (method === 'grid') return Array.from({ length: count }, (_, index) => gridPoint(space, index));
  if (Number.isFinite(sizeOf(space))) return differentPoints(space, seed, count);
  return Array.from({ length: count }, (_, index) => randomPoint(space, seed, index));
}

/** Draws until there are `count` different points. */
function differentPoints(space: Space, seed: number, count: number): Parameters[] {
  const found = new Map<string, Parameters>();
  for (let index = 0; found.size < count; index++) {
    const point = index < MAX_DRAWS * sizeOf(space) ? randomPoint(space, seed, index) : undefined;
    if (!point) break;
    const key = JSON.stringify(point);
    if (!found.has(key)) found.set(key, point);
  }
  // The few points that were not drawn.
  for (let index = 0; found.size < count; index++) {
    const point = gridPoint(space, index);
    found.set(JSON.stringify(point), found.get(JSON.stringify(point)) ?? point);
  }
  return [...found.values()];
}

/** Draws per point of the space, after which the points that are left come in the order of the grid. */
const MAX_DRAWS = 20;
