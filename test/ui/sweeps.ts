/** Folders of sweeps that never ran. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parametersOfTrials } from '../../src/sweep/search.ts';
import { openDatabase } from '../../src/sweep/sqlite.node.ts';
import type { SweepStore, TrialEvaluation } from '../../src/sweep/store.ts';
import { createSqliteStore } from '../../src/sweep/store-sqlite.node.ts';
import { mix32 } from '../../src/util/mix32.ts';

const DEFINITION = {
  method: 'random',
  ...{ seed: 4, rungs: 3, eta: 3, options: { maxIterations: 180 } },
  space: {
    hiddenSize: { values: [64, 128, 256] },
    cell: { values: ['lstm', 'gru'] },
    learningRate: { min: 1e-4, max: 0.02, log: true, integer: false },
    dropout: { min: 0, max: 0.5, log: false, integer: false },
  },
} as const;

export interface MadeSweep {
  readonly trials?: number;
  readonly name?: string;
  /** Jobs that end; the next two stay running. Default: all. */
  readonly jobs?: number;
  /** Trials that explode. */
  readonly exploding?: readonly number[];
}

/** Makes a sweep in a folder, and trains nothing. @returns its store, which is open */
export async function makeSweep(
  folder: string,
  { trials = 18, name = 'book', jobs = Number.POSITIVE_INFINITY, exploding = [] }: MadeSweep = {},
): Promise<SweepStore> {
  mkdirSync(folder, { recursive: true });
  const store = await createSqliteStore(join(folder, 'sweep.sqlite'), {
    ...{ name, definition: DEFINITION },
    text: { textFile: ['/home/me/book.txt'], sha256: '0'.repeat(64), name: '/home/me/book.txt' },
  });
  const parameters = parametersOfTrials(DEFINITION, trials);
  const plans = parameters.map((own, index) => ({
    ...{ number: index + 1, parameters: own, evaluateEvery: 20, rungs: [20, 60, 180] },
  }));
  await store.addTrials(plans);
  for (let ended = 0; ended < jobs; ended++) {
    const claim = await store.claim('secret-host:77');
    if (!claim) break;
    const { number, rungs } = claim.trial;
    if (exploding.includes(number)) {
      await store.finish(claim, { state: 'exploded', message: 'its loss exploded in /home/me/book.txt.' });
      continue;
    }
    const evaluations = evaluationsOf(
      number,
      Number(claim.trial.parameters.learningRate),
      rungs[claim.rung] ?? 0,
    );
    const best = evaluations.at(-1) as TrialEvaluation;
    await store.finish(claim, {
      state: 'done',
      best,
      checkpoint: `/home/me/${number}.safetensors`,
      evaluations,
    });
  }
  for (let running = 0; running < 2 && Number.isFinite(jobs); running++) {
    const claim = await store.claim(`secret-host:${80 + running}`);
    if (claim) await store.heartbeat(claim, { iteration: 7, restMilliseconds: 20_000 });
  }
  return store;
}

/** Makes the workers of a sweep seem alive, however long ago a slow machine has made it. */
export async function beat(folder: string): Promise<void> {
  const database = await openDatabase(join(folder, 'sweep.sqlite'));
  database.prepare("UPDATE job SET heard = ? WHERE state = 'running'").run(Date.now());
  database.close();
}

/** Losses that are lowest for a learning rate of 0.003, with noise. */
function evaluationsOf(trial: number, learningRate: number, end: number): TrialEvaluation[] {
  const off = Math.abs(Math.log10(learningRate / 0.003));
  const noise = mix32(trial) / 2 ** 32;
  return Array.from({ length: end / 20 }, (_, index) => {
    const iteration = 20 * (index + 1);
    const loss = 1.5 + off / 2 + noise / 10 + 12 / iteration;
    return { iteration, epoch: iteration / 90, loss, standardError: 0.01 };
  });
}
