/** Messages for errors of the operating system. */

const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EADDRINUSE: 'another program already uses this port',
  EADDRNOTAVAIL: 'this machine does not have that address',
  ECONNREFUSED: 'no server listens on this address and port',
  EDQUOT: 'the disk quota is used up',
  EEXIST: 'a file with that name already exists',
  EFBIG: 'the file would be larger than allowed',
  EHOSTUNREACH: 'the network has no way to this host',
  EIO: 'the disk failed',
  EISDIR: 'it is a folder',
  ELOOP: 'its symbolic links form a loop',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'the name is too long',
  ENOENT: 'there is no such file or folder',
  ENOSPC: 'the disk is full',
  ENOTFOUND: 'there is no host with that name',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ETIMEDOUT: 'there was no answer',
  ERR_ACCESS_DENIED: 'Node was started without permission for it',
};

/** For example `the disk is full (ENOSPC)`. */
export function describeSystemError(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code !== 'string') return error instanceof Error ? error.message : String(error);
  const words = WORDS[code];
  return words === undefined ? code : `${words} (${code})`;
}
