/** Trains a small model on a text in memory, then samples from it. Run: npx tsx examples/train-and-sample.ts */
import { LanguageModel, train } from 'char-rnn-ts';

const text = 'the harbour wall stood in the rain and the keeper walked along the harbour wall. '.repeat(60);

for await (const event of train({ text, cell: 'gru', hiddenSize: 32, layers: 1, fit: true, maxEpochs: 40 })) {
  if (event.type === 'evaluated') console.log(`validation loss ${event.validationLoss.toFixed(3)}`);
  if (event.type === 'finished') {
    const model = new LanguageModel(event.checkpoint);
    let sample = '';
    for await (const piece of model.generate({ prompt: 'the keeper ', length: 80, temperature: 0.5 })) {
      sample += piece;
    }
    console.log(`the keeper ${sample}`);
  }
}
