/**
 * Clients that stream texts from a server, each one request after the other, and count characters. Prints one line of JSON.
 *
 *     node --import tsx bench/serving-client.ts URL [clients] [seconds] [max_tokens] [FIELDS]
 *
 * FIELDS is JSON with further fields for each request, such as {"top_k": 40}.
 */
import { Agent, type IncomingMessage, request } from 'node:http';

const [url = '', clients = '64', seconds = '10', maxTokens = '2000', fields = '{}'] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: Number(clients) });

export interface ClientReport {
  readonly characters: number;
  readonly chunks: number;
  readonly requests: number;
  readonly seconds: number;
  /** Milliseconds from a request to its first character, sorted. */
  readonly firstCharacter: number[];
}

let characters = 0;
let chunks = 0;
let requests = 0;
const firstCharacter: number[] = [];

/** Streams one completion and counts its characters as they come. */
function stream(seed: number): Promise<void> {
  // Different lengths, so that the clients do not synchronize.
  const length = Math.round(Number(maxTokens) * (0.5 + Math.random()));
  const body = JSON.stringify({
    ...JSON.parse(fields),
    ...{ prompt: 'THE ', max_tokens: length, seed, stream: true },
  });
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const sent = request(
      `${url}/v1/completions`,
      { method: 'POST', agent, headers: { 'content-type': 'application/json' } },
      (response: IncomingMessage) => {
        let left = '';
        let isFirst = true;
        response.setEncoding('utf8').on('data', (piece: string) => {
          const events = (left + piece).split('\n\n');
          left = events.pop() ?? '';
          for (const event of events) {
            if (event === 'data: [DONE]') continue;
            const [choice] = JSON.parse(event.slice('data: '.length)).choices;
            if (isFirst) firstCharacter.push(performance.now() - start);
            isFirst = false;
            characters += choice.text.length;
            chunks++;
          }
        });
        response.on('end', resolve);
        response.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

const start = performance.now();
const end = start + Number(seconds) * 1000;
await Promise.all(
  Array.from({ length: Number(clients) }, async (_, client) => {
    // The clients start at different moments, because a cold client takes long to open so many connections.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 500));
    for (let round = 0; performance.now() < end; round++) {
      await stream(client + 1000 * round);
      requests++;
    }
  }),
);
firstCharacter.sort((a, b) => a - b);
const report: ClientReport = {
  characters,
  chunks,
  requests,
  seconds: (performance.now() - start) / 1000,
  firstCharacter,
};
process.stdout.write(`${JSON.stringify(report)}\n`);
process.exit(0);
