/** All tokens of a source; none without a source. */
import type { TokenSource } from '../../src/data/batches/batches.ts';

export async function tokensOf(source: TokenSource | undefined): Promise<number[]> {
  const into = new Int32Array(source?.length ?? 0);
  await source?.read(0, into);
  return [...into];
}
