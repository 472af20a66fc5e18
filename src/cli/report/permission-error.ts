/** Errors of Node's permission model (`node --permission`, in Node 20 `--experimental-permission`). */

/** By permission: the flag of Node that grants it. */
const FLAGS: Readonly<Record<string, string>> = {
  FileSystemRead: '--allow-fs-read',
  FileSystemWrite: '--allow-fs-write',
  ChildProcess: '--allow-child-process',
  WorkerThreads: '--allow-worker',
};

/** The message for a missing permission; undefined for other errors. */
export function permissionText(error: unknown): string | undefined {
  const { code, permission = '', resource } = (error ?? {}) as Readonly<Record<string, string | undefined>>;
  if (code !== 'ERR_ACCESS_DENIED') return undefined;
  const flag = FLAGS[permission];
  const what = resource ? `${permission}, ${resource}` : permission;
  const value = resource && permission.startsWith('FileSystem') ? `=${resource}` : '';
  return `Node was started without a permission that this needs (${what}).${flag ? ` This flag of Node grants it: ${flag}${value}` : ''}`;
}
