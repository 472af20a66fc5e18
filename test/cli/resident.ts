/** Runs the command lines of a test file in one process, for tests that do not look at how a process begins and ends. */
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after } from 'node:test';
import { type Resident, startResident } from '../commands/start-resident.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { type Outcome, program, type RunSettings, root } from './command.ts';

type ResidentSettings = Pick<RunSettings, 'program' | 'cwd' | 'env'>;

/**
 * A function like `charRnn`, without standard input. Its process starts with the first command and ends after the tests of the file.
 *
 * Commands run one after the other: a command that waits for a later one never ends.
 */
export function residentCharRnn() {
  const folder = sharedFolder();
  const [output, errors] = [join(folder, 'stdout'), join(folder, 'stderr')];
  let started: Promise<Resident> | undefined;
  after(async () => (await started)?.stop());

  const take = (path: string) => {
    const content = readFileSync(path, 'utf8');
    rmSync(path);
    return content;
  };
  const run = async (words: readonly string[], settings: ResidentSettings): Promise<Outcome> => {
    started ??= startResident(join(dirname(program), 'run-program.js'));
    const socket = connect((await started).port, '127.0.0.1');
    await once(socket, 'connect');
    const variables = Object.entries({ ...process.env, ...settings.env }).map(
      ([name, value]) => `${name}=${value}`,
    );
    const fields = [
      settings.cwd ?? root,
      output,
      errors,
      variables.length,
      ...variables,
      settings.program ?? program,
      ...words,
    ];
    socket.write([fields.length, ...fields, ''].join('\0'));
    const code = Number.parseInt(await text(socket), 10);
    return { code, stdout: take(output), stderr: take(errors) };
  };

  let last: Promise<unknown> = Promise.resolve();
  return (words: readonly string[], settings: ResidentSettings = {}) => {
    const outcome = last.then(() => run(words, settings));
    last = outcome.catch(() => {});
    return outcome;
  };
}
