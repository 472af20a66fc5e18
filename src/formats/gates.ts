/**
 * The orders in which programs stack the gates of a layer.
 *
 * Here (`engine/layout.ts`) an lstm's are i, f, o, g, as in the original; PyTorch's `nn.LSTM` has i, f, g, o.
 */
import type { FloatArray } from '../engine/engine.ts';

/** Which of our blocks stands at each place of PyTorch's order; the exchange of the last two undoes itself. */
const LSTM_EXCHANGE = [0, 1, 3, 2] as const;

/** An lstm's `weight_…` or `bias_…` with its gates from our order to PyTorch's, or back. A copy. */
export function exchangeLstmGates<T extends FloatArray>(values: T): T {
  const block = values.length / LSTM_EXCHANGE.length;
  const exchanged = values.slice() as T;
  LSTM_EXCHANGE.forEach((from, to) => {
    exchanged.set(values.subarray(from * block, (from + 1) * block), to * block);
  });
  return exchanged;
}
