/** The options of beam search, in a file of their own so that options and help do not load the search. */
import * as z from 'zod/mini';
import { OptionError } from '../../errors.ts';
import { option } from '../../util/option-info.ts';
import type { ControlOptions } from '../choice/controls.ts';
import { activeSettings } from '../choice/filter.ts';
import { FILTERS } from '../choice/filters.ts';

/** Options that every schema of sampling options includes. */
export const beamOptions = {
  beam: option(z._default(z.int().check(z.minimum(0), z.maximum(256)), 0), {
    flag: 'beam',
    group: 'Form of a text',
    help: 'beam search: follow the N best texts; 0: sample instead',
  }),
  beamNorm: option(z._default(z.number().check(z.minimum(0), z.maximum(10)), 1), {
    flag: 'beam_norm',
    group: 'Form of a text',
    help: 'divide log-probabilities by the length to this power',
  }),
};

/** @throws {OptionError} if a filter is active that only applies to random draws */
export function checkBeamOptions(options: ControlOptions): void {
  const refused = FILTERS.filter(({ isForBeam }) => !isForBeam);
  const [name] = refused.flatMap((filter) => activeSettings(filter, options));
  if (name !== undefined) {
    throw new OptionError(name, 'it cannot be combined with `beam`, which does not draw');
  }
}
