/** The notice for a typed `--gpuid` or `--opencl`; none if they ask for the CPU. */
export function gpuNotice(
  typed: ReadonlyMap<string, string>,
  { gpuid, opencl }: { readonly gpuid: number; readonly opencl: number },
): string | undefined {
  const asked = (typed.has('gpuid') && gpuid >= 0) || (typed.has('opencl') && opencl === 1);
  if (!asked) return undefined;
  return 'There is no GPU engine yet: running on the CPU.';
}
