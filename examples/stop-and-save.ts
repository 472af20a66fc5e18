/** Stops a run after a second and a half, and saves what the model has learned. Run: npx tsx examples/stop-and-save.ts FOLDER */
import { LanguageModel, train } from 'char-rnn-ts';

const folder = process.argv[2] ?? 'cv';
const text = 'she sells sea shells by the sea shore, and the shells she sells are sea shells. '.repeat(80);

const stop = new AbortController();
for await (const event of train({
  text,
  hiddenSize: 24,
  fit: true,
  maxEpochs: 1e6,
  checkpointDir: folder,
  signal: stop.signal,
})) {
  // The time counts from the first iteration: before it, there is nothing to save.
  if (event.type === 'iteration' && event.iteration === 1) setTimeout(() => stop.abort(), 1500);
  if (event.type !== 'finished' || !event.path) continue;
  console.log(`${event.reason} after ${event.iteration} iterations: ${event.path}`);
  const model = await LanguageModel.load(event.path);
  console.log(`${model.parameterCount} parameters, ${model.vocabulary.size} characters`);
}
