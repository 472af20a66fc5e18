/** Identifies processes reliably, although the system reuses the number (PID) of a process that has ended. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** Where and when a process was started. Facts that the system does not provide are absent. */
export interface ProcessIdentity {
  readonly host: string;
  readonly pid: number;
  /** Changes whenever the machine is started. Linux only. */
  readonly bootId?: string | undefined;
  /** Start time of the process, in ticks since the machine was started. Linux only. */
  readonly processStart?: string | undefined;
}

/** Whether a process is running. `unknown`: it is on another host, or only its PID is known, and some process has that PID. */
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
    // EPERM: the process exists, but is another user's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Reads the state (field 3) and start time (field 22) from `/proc/PID/stat`; both follow the name in parentheses (proc(5)). */
function statusOf(pid: number): { readonly start: string; readonly ended: boolean } | undefined {
  const stat = readIfThere(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state = '', start] = [fields[0], fields[19]];
  // Z: it has ended, but its parent has not read its exit status yet.
  return start === undefined ? undefined : { start, ended: /^[ZXx]$/.test(state) };
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}
