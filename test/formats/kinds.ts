/** All kinds of models. Exports must compute each of them. */
import type { ModelConfig } from '../../src/model/config.ts';
import { madeCheckpoint } from '../checkpoint/made-checkpoint.ts';

type Kind = Pick<ModelConfig, 'cell' | 'reset' | 'embeddingSize'>;

const KINDS: readonly Kind[] = [
  { cell: 'lstm' },
  { cell: 'gru', reset: 'before' },
  { cell: 'gru', reset: 'after' },
  { cell: 'rnn' },
  { cell: 'lstm', embeddingSize: 5 },
];

/** Each kind with one to three layers of 16 units, with a name. */
export function eachKind() {
  return KINDS.flatMap((kind) =>
    [1, 2, 3].map((layers) => ({
      name: [...Object.values(kind), `${layers} layers`].join(', '),
      checkpoint: madeCheckpoint({ ...kind, layers, hiddenSize: 16 }),
    })),
  );
}
