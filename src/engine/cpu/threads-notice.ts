/** The line about threads that were asked for and do not compute. */

/** @returns undefined where as many compute as were wanted */
export function threadsNotice(threads: number, wanted: number, reason: string): string | undefined {
  if (threads >= wanted) return undefined;
  return `${threads === 1 ? 'One thread computes' : `${threads} threads compute`}, not ${wanted}: ${reason}.`;
}
