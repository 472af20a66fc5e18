/** The GPU that `--gpuid` or `--opencl` requests; undefined without them, −1 for the CPU. */
export function requestedGpu({
  gpu,
  opencl,
}: {
  readonly gpu?: number | undefined;
  readonly opencl: number;
}): number | undefined {
  return gpu ?? (opencl === 1 ? 0 : undefined);
}
