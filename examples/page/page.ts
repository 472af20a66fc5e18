/** Trains a model on the text of the page, and generates text with it. */
import { LanguageModel, train } from 'char-rnn-ts/browser';

const element = <E extends HTMLElement>(id: string) => document.getElementById(id) as E;
const text = element<HTMLTextAreaElement>('text');
const trainButton = element<HTMLButtonElement>('train');
const stopButton = element<HTMLButtonElement>('stop');
const writeButton = element<HTMLButtonElement>('write');
const progress = element<HTMLOutputElement>('progress');
const sample = element('sample');

let model: LanguageModel | undefined;
let run = new AbortController();

trainButton.addEventListener('click', async () => {
  run = new AbortController();
  trainButton.disabled = true;
  stopButton.disabled = false;
  try {
    await trainModel(run.signal);
  } catch (error) {
    progress.value = error instanceof Error ? error.message : String(error);
  }
  trainButton.disabled = false;
  stopButton.disabled = true;
  writeButton.disabled = model === undefined;
});

stopButton.addEventListener('click', () => run.abort());

writeButton.addEventListener('click', async () => {
  if (!model) return;
  writeButton.disabled = true;
  const prompt = element<HTMLInputElement>('prompt').value;
  const temperature = element<HTMLInputElement>('temperature').valueAsNumber;
  sample.textContent = prompt;
  try {
    for await (const piece of model.generate({ prompt, temperature, length: 500, seed: Date.now() % 1e6 })) {
      sample.textContent += piece;
    }
  } catch (error) {
    sample.textContent = error instanceof Error ? error.message : String(error);
  }
  writeButton.disabled = false;
});

/** Trains until the last epoch, or until the user presses Stop. There is a model in either case. */
async function trainModel(signal: AbortSignal): Promise<void> {
  const options = { hiddenSize: 64, fit: true, maxEpochs: 30 };
  for await (const event of train({ text: text.value, ...options, signal })) {
    switch (event.type) {
      case 'iteration':
        progress.value = `epoch ${event.epoch.toFixed(1)} of ${options.maxEpochs}, loss ${event.trainLoss.toFixed(2)}`;
        break;
      case 'sampled':
        sample.textContent = event.text;
        break;
      case 'finished':
        await model?.close();
        model = new LanguageModel(event.checkpoint);
    }
  }
}
