/** `char-rnn ui`: its definition and flags. */
import * as z from 'zod/mini';
import { HOST_EXPECTED, isHostName } from '../../ui/server/access.ts';
import { checkOptions } from '../../util/check-options.ts';
import { option } from '../../util/option-info.ts';
import { flagsOf } from '../arguments/flag-table.ts';
import type { Command } from '../command.ts';

const flagsSchema = z.strictObject({
  port: option(z.optional(z.int().check(z.minimum(0), z.maximum(65_535))), {
    flag: 'port',
    group: 'Serving',
    help: 'port to listen on; default: 8090, or the next one that is free',
    common: true,
  }),
  noOpen: option(z._default(z.boolean(), false), {
    flag: 'no_open',
    group: 'Serving',
    help: 'print the address only, instead of also opening it in the browser',
    common: true,
  }),
  allowHost: option(z._default(z.array(z.string().check(z.refine(isHostName))), []), {
    flag: 'allow_host',
    group: 'Serving',
    help: 'a host name under which a proxy serves the page; may be repeated',
    value: 'NAME',
    several: true,
    expected: HOST_EXPECTED,
  }),
  database: option(z._default(z.array(z.string().check(z.minLength(1))), []), {
    flag: 'database',
    group: 'Serving',
    help: 'a PostgreSQL database that the pages may read, for sweeps in FOLDER whose state is there: postgres://USER:PASSWORD@HOST/DATABASE; may be repeated',
    value: 'URL',
    several: true,
  }),
  exportFolder: option(z.optional(z.string().check(z.minLength(1))), {
    flag: 'export',
    group: 'Output',
    help: 'instead of serving, write the pages and a snapshot of the runs to this folder, for any web host',
    value: 'FOLDER',
    common: true,
  }),
});

export const uiCommand: Command = {
  name: 'ui',
  usage: 'char-rnn ui [FOLDER …] [flags]',
  summary:
    'Shows runs, sweeps and models in web pages: curves, samples, what the units of a model track. The pages can be opened only on this machine, with the printed address.\nWithout FOLDER: shows cv and sweeps.',
  flags: flagsOf(flagsSchema),
  examples: ['char-rnn ui', 'char-rnn ui cv cv-2 --no-open', 'char-rnn ui runs --export site'],
  async run(input) {
    const flags = checkOptions(flagsSchema, input.values);
    const { runUi } = await import('../run/ui.ts');
    return runUi(input, flags);
  },
};
