/** A notice that an engine has fewer threads than requested; undefined if it has enough. */
export function threadsNotice(threads: number, wanted: number, reason: string): string | undefined {
  if (threads >= wanted) return undefined;
  return `${threads === 1 ? 'One thread computes' : `${threads} threads compute`}, not ${wanted}: ${reason}.`;
}
