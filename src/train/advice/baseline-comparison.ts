/** Compares a validation loss with that of the count model. */
import type { CountModelLoss } from '../../score/count-model/count-model-loss.ts';

/** `0.31 below the count model of order 5`, in nats. */
export function compareWithBaseline(
  validationLoss: number,
  { order, loss }: Pick<CountModelLoss, 'order' | 'loss'>,
): string {
  const difference = Math.abs(validationLoss - loss).toFixed(2);
  if (difference === '0.00') return `about equal to the count model of order ${order}`;
  return `${difference} ${validationLoss < loss ? 'below' : 'above'} the count model of order ${order}`;
}
