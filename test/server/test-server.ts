/** Starts a server for a test: with a small model over readable characters, on a free port. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { type TokenKind, Vocabulary } from '../../src/data/vocabulary.ts';
import { LanguageModel } from '../../src/language-model.node.ts';
import { listen } from '../../src/server/http/listen.node.ts';
import { createServer, type ServerInput } from '../../src/server/server.ts';
import { madeCheckpoint } from '../checkpoint/made-checkpoint.ts';

const ASCII = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index));

export interface ModelFacts {
  readonly kind?: TokenKind;
  readonly symbols?: readonly string[];
  readonly iteration?: number;
}

/** An untrained model. `iteration` distinguishes models with different weights. */
export function madeModel({
  kind = 'character',
  symbols = ['\n', ...ASCII],
  iteration = 7,
}: ModelFacts = {}) {
  const vocabulary = new Vocabulary({ kind, normalize: 'none', symbols, hasUnknown: false });
  return new LanguageModel(madeCheckpoint({ vocabulary, iteration }), { threads: 1 });
}

/** Closed at the end of the test. */
export async function serveModel(context: TestContext, input: ServerInput = {}, model = madeModel()) {
  const errors: unknown[] = [];
  const server = createServer({ tiny: model }, { onError: (error) => errors.push(error), ...input });
  const { bodyTimeout = 10 } = input;
  const listening = await listen(server, { host: '127.0.0.1', port: 0, bodyTimeout });
  context.after(async () => {
    await listening.close(0);
    await model.close();
  });
  const { url } = listening;
  const post = (path: string, body: unknown, init: RequestInit = {}) =>
    fetch(`${url}${path}`, {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
      ...init,
      headers: { 'content-type': 'application/json', ...init.headers },
    });
  /** Sends a request that must succeed, and returns the JSON of its response. */
  const ask = async (path: string, body: unknown) => {
    const response = await post(path, body);
    const answer = await response.json();
    if (response.status !== 200) throw new Error(JSON.stringify(answer));
    return answer;
  };
  return { server, listening, url, model, errors, post, ask };
}

/** Waits until a metric of the server has the expected value. @param line Of the metrics, such as `char_rnn_requests_total 1`. */
export async function waitForMetric(url: string, line: string) {
  const deadline = Date.now() + 60_000;
  let metrics = '';
  while (Date.now() < deadline) {
    metrics = await (await fetch(`${url}/metrics`)).text();
    if (metrics.split('\n').includes(line)) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(`${line} did not come:\n${metrics}`);
}
