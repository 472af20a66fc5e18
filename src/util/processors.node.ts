/** How many processors this process may use. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/**
 * Those that the system schedules this process on, less where a container's share of time is smaller (cgroup v2 `cpu.max`, v1
 * `cpu.cfs_quota_us`), which Node 20 does not look at.
 */
export function availableProcessors(): number {
  const scheduled = availableParallelism();
  const share = cgroupShare();
  return share === undefined ? scheduled : Math.max(1, Math.min(scheduled, Math.floor(share)));
}

/** Processors' worth of time that the container has; undefined where there is no limit. */
function cgroupShare(): number | undefined {
  const own = ownCgroup();
  for (const folder of [`/sys/fs/cgroup${own}`, '/sys/fs/cgroup']) {
    const [quota = '', period = ''] = (read(`${folder}/cpu.max`) ?? '').trim().split(' ');
    if (Number(quota) > 0 && Number(period) > 0) return Number(quota) / Number(period);
  }
  const quota = Number(read('/sys/fs/cgroup/cpu/cpu.cfs_quota_us') ?? -1);
  const period = Number(read('/sys/fs/cgroup/cpu/cpu.cfs_period_us') ?? 0);
  return quota > 0 && period > 0 ? quota / period : undefined;
}

/** The path of this process's group in the unified hierarchy. */
function ownCgroup(): string {
  const line = (read('/proc/self/cgroup') ?? '').split('\n').find((text) => text.startsWith('0::'));
  const path = line?.slice(3) ?? '';
  return path === '/' ? '' : path;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
