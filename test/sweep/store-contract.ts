/** What every store of a sweep has to do. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  type JobOutcome,
  MAX_FAILURES,
  type NewSweep,
  type SweepStore,
  type TrialPlan,
} from '../../src/sweep/store.ts';

export const SWEEP: NewSweep = {
  name: 'book',
  definition: {
    method: 'random',
    seed: 1,
    rungs: 3,
    eta: 3,
    space: { hiddenSize: { values: [1, 2] } },
    options: { layers: 1 },
  },
  text: { textFile: ['/book.txt'], sha256: '0'.repeat(64), name: 'book.txt' },
};

export interface Stores {
  /** A connection to the sweep of the test; each call makes another one. */
  open(): Promise<SweepStore>;
  /** The time without a heartbeat after which a job is given to another worker, in milliseconds. */
  readonly lease: number;
  /** The name of the sweep. Default: that of `SWEEP`. */
  readonly name?: string;
  /** Makes time pass, in milliseconds. */
  pass(milliseconds: number): Promise<void>;
}

export function plans(count: number, first = 1): TrialPlan[] {
  return Array.from({ length: count }, (_, index) => ({
    number: first + index,
    parameters: { hiddenSize: index },
    evaluateEvery: 10,
    rungs: [10, 30, 90],
  }));
}

export function done(loss: number, iteration = 10): JobOutcome {
  const best = { iteration, epoch: 0.5, loss, standardError: 0.01 };
  return { state: 'done', best, checkpoint: `/checkpoint-${loss}`, evaluations: [best] };
}

/** The jobs of trials at a rung. */
function next(rung: number, ...trials: number[]) {
  return trials.map((trial) => ({ trial, rung }));
}

/** @param make Makes an empty sweep for a test. */
export function testStore(title: string, make: (context: TestContext) => Promise<Stores>): void {
  const contract = (what: string, run: (stores: Stores) => Promise<void>) =>
    test(`${title}: ${what}`, async (context) => run(await make(context)));

  const claimed = async (store: SweepStore) => {
    const claim = await store.claim('w');
    assert.ok(claim);
    return claim;
  };

  contract(
    'jobs are claimed once, the lowest trial first; the definition comes back',
    async ({ open, name }) => {
      const [a, b] = [await open(), await open()];
      await a.addTrials(plans(3));
      assert.equal(await b.trialCount(), 3);
      const record = await b.record();
      assert.deepEqual(
        [record.name, record.definition, record.text, record.isStopped],
        [name ?? SWEEP.name, SWEEP.definition, SWEEP.text, false],
      );
      const claims = [await a.claim('a'), await b.claim('b'), await a.claim('a'), await b.claim('b')];
      assert.deepEqual(
        claims.map((claim) => claim && [claim.trial.number, claim.rung, claim.attempt]),
        [[1, 0, 1], [2, 0, 1], [3, 0, 1], undefined],
      );
      assert.deepEqual(claims[1]?.trial, plans(3)[1]);
    },
  );

  contract(
    'a job without heartbeats is taken over, and its first worker is refused',
    async ({ open, lease, pass }) => {
      const store = await open();
      await store.addTrials(plans(2));
      const first = await claimed(store);
      await pass(lease - 1000);
      assert.equal(await store.heartbeat(first, { iteration: 5, restMilliseconds: 10 }), 'kept');
      await pass(lease - 1000);
      assert.equal((await claimed(store)).trial.number, 2, 'the job is still kept');
      await pass(1001);
      const second = await claimed(store);
      assert.deepEqual([second.trial.number, second.attempt], [1, 2]);
      assert.equal(await store.heartbeat(first, undefined), 'lost');
      assert.equal(await store.report(first, { iteration: 10, epoch: 1, loss: 9, standardError: 1 }), false);
      assert.equal(await store.finish(first, done(9)), undefined);
      await store.release(first, 'too late');
      assert.deepEqual(await store.evaluations(1), []);
      assert.deepEqual(await store.finish(second, done(1)), []);
      assert.equal(await store.finish(second, done(2)), undefined, 'a job ends once');
      assert.deepEqual(
        (await store.best(5)).map(({ trial, loss }) => [trial, loss]),
        [[1, 1]],
      );
    },
  );

  contract('the last job of a rung makes those of the next one, whatever the order', async ({ open }) => {
    const store = await open();
    await store.addTrials(plans(9));
    const claims = [];
    for (let index = 0; index < 9; index++) claims.push(await claimed(store));
    for (const claim of claims.toReversed().slice(0, 8))
      assert.deepEqual(await store.finish(claim, done(claim.trial.number % 4)), []);
    assert.equal(await store.claim('w'), undefined, 'the rung is not whole');
    // Losses: 1 2 3 0 1 2 3 0 and, for the first, an explosion.
    const [last] = claims;
    assert.ok(last);
    assert.deepEqual(await store.finish(last, { state: 'exploded', message: 'boom' }), next(1, 4, 8, 5));
    const claimedNext = [await claimed(store), await claimed(store), await claimed(store)];
    assert.deepEqual(
      claimedNext.map(({ trial, rung, attempt }) => [trial.number, rung, attempt]),
      [
        [4, 1, 2],
        [5, 1, 2],
        [8, 1, 2],
      ],
    );
    for (const claim of claimedNext) await store.finish(claim, done(claim.trial.number / 100, 30));
    const top = await claimed(store);
    assert.deepEqual([top.trial.number, top.rung], [4, 2]);
    assert.deepEqual(await store.finish(top, done(0.01, 90)), []);
    assert.equal(await store.claim('w'), undefined);
    assert.deepEqual(
      (await store.best(3)).map(({ trial, rung, loss }) => [trial, rung, loss]),
      [
        [4, 2, 0.01],
        [5, 1, 0.05],
        [8, 1, 0.08],
      ],
    );
    assert.deepEqual(await store.counts(), [
      { rung: 0, state: 'done', count: 8 },
      { rung: 0, state: 'exploded', count: 1 },
      { rung: 1, state: 'done', count: 3 },
      { rung: 2, state: 'done', count: 1 },
    ]);
    const exploded = (await store.trials())[0];
    assert.deepEqual([exploded?.state, exploded?.message], ['exploded', 'boom']);
  });

  contract('all jobs and evaluations are listed by trial', async ({ open }) => {
    const store = await open();
    await store.addTrials(plans(3));
    for (const loss of [3, 1, 2]) await store.finish(await claimed(store), done(loss));
    await store.report(await claimed(store), {
      iteration: 30,
      epoch: 1,
      loss: 0.5,
      standardError: undefined,
    });
    assert.deepEqual(
      (await store.jobs()).map(({ trial, rung, state, end, loss }) => [trial, rung, state, end, loss]),
      [
        [1, 0, 'done', 10, 3],
        [2, 0, 'done', 10, 1],
        [2, 1, 'running', 30, undefined],
        [3, 0, 'done', 10, 2],
      ],
    );
    assert.deepEqual(
      (await store.allEvaluations()).map(({ trial, iteration, loss }) => [trial, iteration, loss]),
      [
        [1, 10, 3],
        [2, 10, 1],
        [2, 30, 0.5],
        [3, 10, 2],
      ],
    );
  });

  contract('higher rungs come first; added trials are halved among themselves', async ({ open }) => {
    const store = await open();
    await store.addTrials(plans(2));
    for (const loss of [1, 2]) await store.finish(await claimed(store), done(loss));
    await store.addTrials(plans(4));
    assert.equal(await store.trialCount(), 4, 'those that exist are left alone');
    const promoted = await claimed(store);
    assert.deepEqual([promoted.trial.number, promoted.rung], [1, 1]);
    const [third, fourth] = [await claimed(store), await claimed(store)];
    assert.deepEqual(await store.finish(third, done(6)), []);
    assert.deepEqual(await store.finish(fourth, done(5)), next(1, 4), 'though both are worse than trial 2');
  });

  contract(
    'a job that was put back waits; after some failures it has failed, until retried',
    async ({ open }) => {
      const store = await open();
      await store.addTrials(plans(3));
      for (let failure = 1; failure <= MAX_FAILURES; failure++) {
        const claim = await claimed(store);
        assert.deepEqual([claim.trial.number, claim.attempt], [1, 2 * failure - 1]);
        await store.release(claim);
        await store.release(await claimed(store), `crash ${failure}`);
      }
      for (const loss of [3, 2]) await store.finish(await claimed(store), done(loss));
      assert.deepEqual((await store.trials())[0]?.state, 'failed');
      assert.deepEqual((await store.trials())[0]?.message, `crash ${MAX_FAILURES}`);
      assert.equal((await claimed(store)).rung, 1, 'the others go on without it');
      assert.equal(await store.retry(), 1);
      assert.equal(await store.retry(), 0);
      const again = await claimed(store);
      assert.deepEqual([again.trial.number, again.rung], [1, 0]);
      // Now it is the best of its rung, and is promoted too.
      assert.deepEqual(await store.finish(again, done(1)), next(1, 1));
    },
  );

  contract(
    'after a retry, a rung is decided as if the trial had not failed, and so are those above it',
    async ({ open }) => {
      const store = await open();
      await store.addTrials(plans(9));
      const losses = [1, 2, 3, 4, 5, 6, 7, 8, 9];
      for (const loss of losses) {
        const claim = await claimed(store);
        if (loss !== 1) await store.finish(claim, done(loss));
        else await store.finish(claim, { state: 'failed', message: 'no memory' });
      }
      // Trial 4 is promoted in place of trial 1, and is the best of its rung.
      for (const [trial, loss] of [
        [2, 0.3],
        [3, 0.4],
        [4, 0.1],
      ] as const) {
        const claim = await claimed(store);
        assert.deepEqual([claim.trial.number, claim.rung], [trial, 1]);
        await store.finish(claim, done(loss, 30));
      }
      const top = await claimed(store);
      assert.deepEqual([top.trial.number, top.rung], [4, 2]);
      assert.deepEqual(await store.finish(top, done(0.05, 90)), []);
      assert.equal(await store.retry(), 1);
      assert.deepEqual(await store.finish(await claimed(store), done(1)), next(1, 1));
      // Of the trials 1, 2 and 3, the second is the best. Trial 4 would not be there.
      assert.deepEqual(await store.finish(await claimed(store), done(0.5, 30)), next(2, 2));
      assert.deepEqual(await store.finish(await claimed(store), done(0.2, 90)), []);
      assert.equal(await store.claim('w'), undefined);
      assert.deepEqual((await store.best(1))[0]?.trial, 4);
    },
  );

  contract('rungs above a rung that is open again wait for it', async ({ open }) => {
    const store = await open();
    await store.addTrials(plans(9));
    for (let loss = 1; loss <= 9; loss++) {
      const claim = await claimed(store);
      if (loss !== 9) await store.finish(claim, done(loss));
      else await store.finish(claim, { state: 'failed', message: 'no memory' });
    }
    const higher = [await claimed(store), await claimed(store), await claimed(store)];
    assert.equal(await store.retry(), 1);
    for (const claim of higher)
      assert.deepEqual(await store.finish(claim, done(claim.trial.number / 10, 30)), []);
    const retried = await claimed(store);
    assert.deepEqual([retried.trial.number, retried.rung], [9, 0]);
    // It changes nothing in the first decision. The second one follows at once.
    assert.deepEqual(await store.finish(retried, done(9)), next(2, 1));
  });

  contract('the last failure of a job can be the end of its rung', async ({ open }) => {
    const store = await open();
    await store.addTrials(plans(3));
    const [first, second, third] = [await claimed(store), await claimed(store), await claimed(store)];
    await store.finish(second, done(2));
    await store.finish(third, done(3));
    assert.equal(await store.release(first, 'crash 1'), undefined);
    for (let failure = 2; failure < MAX_FAILURES; failure++)
      assert.equal(await store.release(await claimed(store), `crash ${failure}`), undefined);
    assert.deepEqual(await store.release(await claimed(store), 'the last crash'), next(1, 2));
  });

  contract('failures count only until the next new evaluation', async ({ open }) => {
    const store = await open();
    await store.addTrials(plans(1));
    for (let round = 0; round < 2 * MAX_FAILURES; round++) {
      const claim = await claimed(store);
      await store.report(claim, { iteration: round, epoch: 1, loss: 1, standardError: 1 });
      await store.release(claim, 'crash');
    }
    for (let failure = 2; failure <= MAX_FAILURES; failure++) {
      const claim = await claimed(store);
      await store.report(claim, { iteration: 0, epoch: 1, loss: 1, standardError: 1 });
      await store.release(claim, 'crash');
    }
    assert.equal(await store.claim('w'), undefined);
    assert.equal((await store.trials())[0]?.state, 'failed');
  });

  contract('a stopped sweep gives no jobs, and tells those who run one', async ({ open }) => {
    const [a, b] = [await open(), await open()];
    await a.addTrials(plans(2));
    const claim = await claimed(a);
    await b.setStopped(true);
    assert.equal(await a.heartbeat(claim, undefined), 'stop');
    assert.equal(await a.claim('w'), undefined);
    assert.deepEqual(
      (await a.running()).map(({ trial }) => trial),
      [1],
    );
    await a.release(claim);
    assert.deepEqual(await b.running(), []);
    await b.setStopped(false);
    assert.equal((await claimed(a)).trial.number, 1);
  });

  contract('evaluations are kept once, and a result repeats those that were not sent', async ({ open }) => {
    const store = await open();
    await store.addTrials(plans(1));
    const claim = await claimed(store);
    const evaluation = { iteration: 5, epoch: 0.25, loss: 2, standardError: 0.1 };
    assert.equal(await store.report(claim, evaluation), true);
    assert.equal(await store.report(claim, evaluation), true);
    const last = { iteration: 10, epoch: 0.5, loss: 1, standardError: undefined };
    const repeated = { ...evaluation, standardError: undefined };
    await store.finish(claim, {
      ...{ state: 'done', best: last, checkpoint: '/c' },
      evaluations: [repeated, last],
    });
    assert.deepEqual(await store.evaluations(1), [evaluation, last]);
    const [best] = await store.best(1);
    assert.deepEqual(
      [best?.loss, best?.standardError, best?.iteration, best?.checkpoint],
      [1, undefined, 10, '/c'],
    );
  });

  contract('the best trials are those that a search of all jobs finds', async ({ open }) => {
    const store = await open();
    await store.addTrials(plans(27));
    // Losses repeat, and get lower with each rung, so that the same trial is among the best jobs several times.
    for (let claim = await store.claim('w'); claim; claim = await store.claim('w')) {
      const { rung, trial } = claim;
      const isExploded = (trial.number + rung) % 7 === 6;
      const loss = ((trial.number * 5) % 9) - 3 * rung;
      await store.finish(claim, isExploded ? { state: 'exploded', message: 'boom' } : done(loss));
    }
    const jobs = await store.jobs();
    const last = jobs.filter(
      (job) => !jobs.some(({ trial, rung }) => trial === job.trial && rung > job.rung),
    );
    const expected = last
      .flatMap(({ state, loss, trial, rung }) =>
        state === 'done' && loss !== undefined ? [[loss, trial, rung] as const] : [],
      )
      .sort(([a, first], [b, second]) => a - b || first - second);
    assert.ok(jobs.length > 35 && expected.length > 15 && expected.length < 27);
    for (const count of [1, 5, 27]) {
      const best = await store.best(count);
      assert.deepEqual(
        best.map(({ loss, trial, rung }) => [loss, trial, rung]),
        expected.slice(0, count),
      );
      assert.ok(best.every(({ trial, parameters }) => parameters.hiddenSize === trial - 1));
    }
  });

  contract('progress is shown for jobs whose worker is alive', async ({ open, lease, pass }) => {
    const store = await open();
    await store.addTrials(plans(1));
    const claim = await claimed(store);
    assert.deepEqual(
      (await store.running()).map(({ progress, end, worker }) => [progress, end, worker]),
      [[undefined, 10, 'w']],
    );
    await store.heartbeat(claim, { iteration: 4, restMilliseconds: 600 });
    assert.deepEqual((await store.running())[0]?.progress, { iteration: 4, restMilliseconds: 600 });
    await pass(lease + 1);
    assert.deepEqual(await store.running(), []);
  });
}
