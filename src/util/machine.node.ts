/** The processors, threads and memory that this process may use. Respects the limits of a container. */
import { readFileSync } from 'node:fs';
import { availableParallelism, freemem, totalmem } from 'node:os';

/** Bytes of memory of the machine, or of the container if it has less. */
export function availableMemory(): number {
  const limit = process.constrainedMemory?.() ?? 0;
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/**
 * Bytes that the machine can provide without swapping, or that are left in the container (cgroup v2 `memory.max`) if that is less.
 * Cached pages of files count as free, since the system can take them back.
 */
export function freeMemory(): number {
  return Math.min(freemem(), ...cgroupFolders().map(freeIn));
}

function freeIn(folder: string): number {
  const limit = numberIn(`${folder}/memory.max`);
  const used = numberIn(`${folder}/memory.current`);
  if (limit === undefined || used === undefined) return Number.POSITIVE_INFINITY;
  const cached = /^inactive_file (\d+)$/m.exec(read(`${folder}/memory.stat`) ?? '')?.[1] ?? '0';
  return Math.max(0, limit - used + Number(cached));
}

/**
 * The processors on which the system schedules this process. Fewer if the container limits processor time (cgroup v2 `cpu.max`, v1
 * `cpu.cfs_quota_us`), which Node 20 ignores, or the number of threads.
 */
export function availableProcessors(): number {
  const scheduled = availableParallelism();
  const share = processorShare();
  return Math.max(1, Math.min(scheduled, Math.floor(share ?? scheduled), allowedThreads()));
}

/** The cgroup v1 controller that counts threads, as seen inside a container. */
const PIDS_V1 = '/sys/fs/cgroup/pids';
/** Threads reserved for the other work of this process if the system limits them. */
const SPARE_THREADS = 16;

/** Threads that a container lets this process add (cgroup `pids.max`, which counts threads): at least 1; Infinity without a limit. */
export function allowedThreads(folders: readonly string[] = [...cgroupFolders(), PIDS_V1]): number {
  const unused = folders.map(
    (folder) => Number(read(`${folder}/pids.max`) ?? 'max') - Number(read(`${folder}/pids.current`) ?? 0),
  );
  const least = Math.min(Number.POSITIVE_INFINITY, ...unused.filter(Number.isFinite));
  return Math.max(1, least - SPARE_THREADS);
}

/** Processor time per second that the container and those around it have, in processors; undefined without a limit. */
function processorShare(): number | undefined {
  const shares = cgroupFolders().map((folder) => {
    const [quota = '', period = ''] = (read(`${folder}/cpu.max`) ?? '').trim().split(' ');
    return Number(quota) / Number(period);
  });
  shares.push(
    Number(read('/sys/fs/cgroup/cpu/cpu.cfs_quota_us') ?? -1) /
      Number(read('/sys/fs/cgroup/cpu/cpu.cfs_period_us') ?? 0),
  );
  const limits = shares.filter((share) => share > 0 && Number.isFinite(share));
  return limits.length > 0 ? Math.min(...limits) : undefined;
}

const CGROUP_ROOT = '/sys/fs/cgroup';

/** The folders of this process's control group (cgroup v2) and its parents, innermost first; only the root if the group is unknown. */
function cgroupFolders(): string[] {
  const folders = [CGROUP_ROOT];
  let folder = CGROUP_ROOT;
  for (const name of cgroupPath().split('/').filter(Boolean)) {
    folder += `/${name}`;
    folders.unshift(folder);
  }
  return folders;
}

/** The path of this process's group in the unified hierarchy. */
function cgroupPath(): string {
  const lines = read('/proc/self/cgroup')?.split('\n');
  return lines?.find((line) => line.startsWith('0::'))?.slice(3) ?? '';
}

/** The number in a file; undefined for `max` or a missing file. */
function numberIn(path: string): number | undefined {
  const text = read(path)?.trim();
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
