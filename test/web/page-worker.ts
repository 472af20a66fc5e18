/** The worker of a page, for tests of what happens while it computes: a test decides when it goes on. */
import assert from 'node:assert/strict';
import type { Page, Worker } from 'playwright-core';
import { eventually } from './eventually.ts';

/** The newest worker of the page. Those of the engine have other addresses. */
export function workerOf(page: Page): Worker {
  const found = page.workers().findLast((worker) => /\/worker-\w+\.js$/.test(worker.url()));
  assert.ok(found, 'the page has no worker');
  return found;
}

/** Runs code in the worker, and does not wait for its end. */
export async function inWorker(page: Page, code: string): Promise<void> {
  await workerOf(page).evaluate(`setTimeout(() => { ${code} })`);
}

/** Runs code in the worker when it has saved its run this often. Call it before the run begins. */
export async function afterSaves(page: Page, count: number, code: string): Promise<void> {
  await workerOf(page).evaluate(`{
    const { prototype } = FileSystemFileHandle;
    const { createWritable } = prototype;
    let left = ${count};
    prototype.createWritable = function (...given) {
      // The record comes after the checkpoint.
      if (this.name === 'run.json' && --left === 0) setTimeout(() => { ${code} });
      return createWritable.apply(this, given);
    };
  }`);
}

export interface HeldRequests {
  /** Waits until the page has asked for a method of the worker. */
  asked(method: string): Promise<void>;
  /** Lets the worker have the requests. */
  release(): Promise<void>;
}

/** For the worker: keeps messages, and hands them on one after the other, as they arrive. */
const HOLD = `{
  const answer = self.onmessage;
  let held = [];
  self.asked = [];
  self.onmessage = (event) => {
    self.asked.push(event.data.method);
    if (held) held.push(event);
    else answer(event);
  };
  self.release = async () => {
    for (let next = held.shift(); next; next = held.shift()) {
      answer(next);
      await new Promise((resolve) => setTimeout(resolve));
    }
    held = undefined;
  };
}`;

/** Keeps the requests of the page from its worker, so that the page waits for the answers. */
export async function holdRequests(page: Page): Promise<HeldRequests> {
  const worker = workerOf(page);
  await worker.evaluate(HOLD);
  return {
    asked: (method) =>
      eventually(async () =>
        assert.ok((await worker.evaluate<string[]>('self.asked')).includes(method), method),
      ),
    release: () => worker.evaluate('self.release()'),
  };
}
