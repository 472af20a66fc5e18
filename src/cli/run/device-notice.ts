/** One line for those who ask for a GPU. */

/** What to say to typed `-gpuid` and `-opencl`; nothing where the CPU was asked for. */
export function deviceNotice(
  typed: ReadonlyMap<string, string>,
  { gpuid, opencl }: { readonly gpuid: number; readonly opencl: number },
): string | undefined {
  const asked = (typed.has('gpuid') && gpuid >= 0) || (typed.has('opencl') && opencl === 1);
  if (!asked) return undefined;
  return 'There is no GPU engine yet: running on the CPU.';
}
