/** Processes of this machine, told apart for longer than their numbers are: a number is given anew once its process has ended. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** Where and when a process runs. What the system does not tell is absent. */
export interface ProcessIdentity {
  readonly host: string;
  readonly pid: number;
  /** Another one after every start of the machine. Linux. */
  readonly bootId?: string | undefined;
  /** When the process was started, in ticks since the machine was. Linux. */
  readonly processStart?: string | undefined;
}

/** Whether a process is under way: `unknown` on another host, or where nothing but a number is known and some process has it. */
export type Liveness = 'running' | 'gone' | 'unknown';

export function thisProcess(): ProcessIdentity {
  const bootId = bootOf();
  const processStart = statusOf(process.pid)?.start;
  return {
    host: hostname(),
    pid: process.pid,
    ...(bootId !== undefined && { bootId }),
    ...(processStart !== undefined && { processStart }),
  };
}

export function livenessOf(other: ProcessIdentity): Liveness {
  if (other.host !== hostname()) return 'unknown';
  const bootId = bootOf();
  if (other.bootId !== undefined && bootId !== undefined && other.bootId !== bootId) return 'gone';
  if (!hasProcess(other.pid)) return 'gone';
  const status = statusOf(other.pid);
  if (status === undefined || other.processStart === undefined) return 'unknown';
  return status.start === other.processStart && !status.ended ? 'running' : 'gone';
}

function bootOf(): string | undefined {
  return readIfThere('/proc/sys/kernel/random/boot_id')?.trim();
}

function hasProcess(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // One of another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** From `/proc/PID/stat`, proc(5): after the name in parentheses the state, field 3, and the start, field 22. */
function statusOf(pid: number): { readonly start: string; readonly ended: boolean } | undefined {
  const stat = readIfThere(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state = '', start] = [fields[0], fields[19]];
  // One that was killed and that nobody has asked after yet.
  return start === undefined ? undefined : { start, ended: /^[ZXx]$/.test(state) };
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}
