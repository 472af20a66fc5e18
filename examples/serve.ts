/** Trains a small model, and serves it next to a page of your own. Run: npx tsx examples/serve.ts, with --stay to keep it running. */
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer, LanguageModel, nodeListener, train } from 'char-rnn-ts';

const text = 'the harbour wall stood in the rain and the keeper walked along the harbour wall. '.repeat(60);

let model: LanguageModel | undefined;
for await (const event of train({ text, cell: 'gru', hiddenSize: 32, layers: 1, fit: true, maxEpochs: 30 })) {
  if (event.type === 'finished') model = new LanguageModel(event.checkpoint);
}
if (!model) throw new Error('nothing was trained');

const server = createServer({ harbour: model });
const answer = nodeListener(server);
const http = createHttpServer((request, response) => {
  if (request.url === '/') response.end('Completions are at /v1/completions.\n');
  else answer(request, response);
});
await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
console.log(`listening on ${url}/v1`);

const response = await fetch(`${url}/v1/completions`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ prompt: 'the keeper ', max_tokens: 60, temperature: 0.5, seed: 1, echo: true }),
});
const { choices } = (await response.json()) as { choices: { text: string }[] };
console.log(choices[0]?.text);

if (!process.argv.includes('--stay')) {
  await server.close(10);
  http.close();
  http.closeAllConnections();
  await model.close();
}
