/** Starts `resident.mjs`. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A process that runs command lines one after the other. */
export interface Resident {
  readonly port: number;
  stop(): void;
}

/**
 * @param program The path of a module that exports `runProgram`.
 * @param maxAfterlife How long a program may live on after its exit code is known, in milliseconds.
 */
export async function startResident(program: string, maxAfterlife = 30_000): Promise<Resident> {
  const child = fork(
    fileURLToPath(new URL('resident.mjs', import.meta.url)),
    [program, String(maxAfterlife)],
    { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
  );
  const [port] = await once(child, 'message');
  return { port, stop: () => child.kill() };
}
