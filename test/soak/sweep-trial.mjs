/**
 * Stands in for the process of a trial: each iteration takes a few milliseconds and hashes the state once more, so that lost, repeated or
 * wrong work shows in the result. It saves after each iteration, and goes on from the newest state of earlier attempts.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const MILLISECONDS = Number(process.env.ITERATION_MILLISECONDS ?? 100);
process.on('disconnect', () => process.exit(1));
process.on('message', async (/** @type {any} */ message) => {
  if (message.type === 'stop') process.exit(1);
  const { folder, attempt, end, options } = message.task;
  const own = join(folder, `attempt-${attempt}`);
  mkdirSync(own, { recursive: true });
  const path = join(own, 'state.json');
  let state = newest(folder) ?? { iteration: 0, hash: Math.round(options.learningRate * 1e6) };
  while (state.iteration < end) {
    await sleep(MILLISECONDS);
    state = { iteration: state.iteration + 1, hash: (Math.imul(state.hash, 1664525) + 1013904223) >>> 0 };
    writeFileSync(`${path}.tmp`, JSON.stringify(state));
    renameSync(`${path}.tmp`, path);
    process.send?.({ type: 'progress', progress: { iteration: state.iteration } });
  }
  if (!existsSync(path)) writeFileSync(path, JSON.stringify(state));
  const best = { iteration: end, epoch: end, loss: state.hash / 2 ** 32, standardError: 0.1 };
  const result = { state: 'done', best, checkpoint: path, evaluations: [best] };
  process.send?.({ type: 'evaluated', evaluation: best });
  process.send?.({ type: 'result', result }, () => process.exit(0));
});

/** @param {string} folder */
function newest(folder) {
  return readdirSync(folder)
    .map((name) => join(folder, name, 'state.json'))
    .filter((path) => existsSync(path))
    .map((path) => JSON.parse(readFileSync(path, 'utf8')))
    .sort((a, b) => b.iteration - a.iteration)[0];
}
