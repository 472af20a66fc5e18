/** The process of one job of a sweep. It gets its job from its worker, and ends when the worker ends. */
import { runTrial } from './run-trial.node.ts';
import type { FromTrial, ToTrial } from './trial-messages.ts';

const stop = new AbortController();

const send = (message: FromTrial) =>
  new Promise<void>((resolve) => {
    if (process.send) process.send(message, () => resolve());
    else resolve();
  });

// A worker that was killed can't end its trial. Another worker takes it over.
process.on('disconnect', () => process.exit(1));
// Ctrl-C in a terminal reaches all its processes. The worker decides what happens.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});

process.on('message', async (message: ToTrial) => {
  if (message.type === 'stop') {
    stop.abort();
    return;
  }
  const result = await runTrial(
    message.task,
    {
      onProgress: (progress) => void send({ type: 'progress', progress }),
      onEvaluated: (evaluation) => void send({ type: 'evaluated', evaluation }),
    },
    stop.signal,
  );
  await send({ type: 'result', result });
  process.exit(0);
});
