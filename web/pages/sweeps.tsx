/** Sweeps: which there are, and one of them with its trials. */
import type { SweepDetail, SweepState, SweepSummary } from '../../src/ui/protocol.ts';
import { outcomeAt } from '../../src/ui/sweep/importance.ts';
import { lastPart } from '../../src/util/last-part.ts';
import { Command } from '../components/command.tsx';
import { goTo, route, setParameters } from '../router.ts';
import { shortPath } from '../run-list.ts';
import { lossText } from '../run-words.ts';
import { quotedFile } from '../shell-words.ts';
import { isSearchingSweeps, shownSweep, sweep, sweepProblem, sweeps } from '../sweep-list.ts';
import { parametersText, shareDone, trialState, valueText } from '../sweep-trials.ts';
import { optionWords } from '../words.ts';
import { SweepCharts } from './sweep-charts.tsx';
import { ImportancePanel } from './sweep-importance.tsx';
import { SweepTable } from './sweep-table.tsx';

export function Sweeps() {
  const all = sweeps.value;
  const problem = sweepProblem.value;
  if (!all || (all.length === 0 && isSearchingSweeps.value)) {
    return (
      <section class="panel empty">
        {problem === undefined ? (
          <p role="status">Looking for sweeps …</p>
        ) : (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
      </section>
    );
  }
  if (all.length === 0) return <NoSweeps />;
  const shown = sweep.value;
  return (
    <div class="stack">
      <div class="row sweep-choice">
        {all.length > 1 && <SweepMenu all={all} />}
        {shown && <RungMenu detail={shown} />}
      </div>
      {shown && shown.summary.id === shownSweep.value ? (
        <Sweep key={shown.summary.id} detail={shown} />
      ) : (
        <section class="panel">
          {problem === undefined ? (
            <p role="status">Reading the sweep …</p>
          ) : (
            <p class="problem" role="alert">
              {problem} <a href="#/sweeps">Show the newest sweep</a>
            </p>
          )}
        </section>
      )}
    </div>
  );
}

function NoSweeps() {
  return (
    <section class="panel empty">
      <h2>No sweeps yet</h2>
      <p>
        A sweep trains a model with many settings and keeps the best one. Start one in another terminal, and
        it will appear here.
      </p>
      <p>
        <Command text="npx char-rnn sweep run book.txt --try rnn-size=64,128 --try learning-rate=1e-4..2e-2:log" />
      </p>
    </section>
  );
}

const STATES: Readonly<Record<SweepState, string>> = {
  running: '▶ running',
  waiting: 'waiting',
  stopped: 'stopped',
  finished: '■ finished',
  unreadable: '✕ can’t be read',
};

function SweepMenu({ all }: { readonly all: readonly SweepSummary[] }) {
  return (
    <label class="inline">
      sweep
      <select
        value={shownSweep.value}
        onChange={(event) => goTo('sweeps', { id: event.currentTarget.value })}
      >
        {all.map(({ id, folder, state, trials, best }) => (
          <option key={id} value={id}>
            {[
              shortPath.value(folder),
              STATES[state],
              trials > 0 && `${trials} trials`,
              best && `best ${lossText(best.loss)}`,
            ]
              .filter(Boolean)
              .join(' · ')}
          </option>
        ))}
      </select>
    </label>
  );
}

function RungMenu({ detail }: { readonly detail: SweepDetail }) {
  if (detail.rungs < 2) return null;
  const countAt = (at: number) => detail.trials.filter((trial) => outcomeAt(trial, at) !== undefined).length;
  return (
    <label class="inline">
      trials compared at the end of
      <select
        value={comparedRung(detail) + 1}
        onChange={(event) => {
          const { value } = event.currentTarget;
          setParameters({ rung: value === '1' ? undefined : value });
        }}
      >
        {Array.from({ length: detail.rungs }, (_, at) => (
          <option key={at} value={at + 1}>
            rung {at + 1} ({countAt(at)} {countAt(at) === 1 ? 'trial' : 'trials'})
          </option>
        ))}
      </select>
    </label>
  );
}

/** Losses can be compared only after the same training: at the end of a rung. Most trials are at the end of the first one. */
function comparedRung({ rungs }: SweepDetail): number {
  const asked = Number(route.value.parameters.get('rung') ?? 1);
  return Math.max(1, Math.min(rungs, asked || 1)) - 1;
}

function Sweep({ detail }: { readonly detail: SweepDetail }) {
  const { summary, rungs, eta, method, seed, options } = detail;
  const rung = comparedRung(detail);
  if (summary.state === 'unreadable')
    return (
      <section class="panel">
        <h2>{summary.name}</h2>
        <p class="problem" role="alert">
          {summary.problem}
        </p>
      </section>
    );
  const halving = rungs > 1 ? `${rungs} rungs, one trial in ${eta} continues` : 'without halving';
  return (
    <>
      <div class="columns halves">
        <section class="panel" aria-labelledby="sweep-title">
          <div class="row">
            <h2 id="sweep-title">{summary.name}</h2>
            <span role="status">{STATES[summary.state]}</span>
          </div>
          <p>
            {summary.trials.toLocaleString('en')} {summary.trials === 1 ? 'trial' : 'trials'} on{' '}
            {lastPart(summary.text)}, {halving};{' '}
            {method === 'grid' ? 'a grid' : `random values, seed ${seed}`}.
          </p>
          <Best detail={detail} />
          <Progress detail={detail} />
          <HowToGoOn summary={summary} />
          {Object.keys(options).length > 0 && (
            <details>
              <summary>Settings that all trials have</summary>
              <dl>
                {Object.entries(options).map(([name, value]) => (
                  <div key={name} class="setting">
                    <dt>{optionWords(name)}</dt>
                    <dd>{valueText(value)}</dd>
                  </div>
                ))}
              </dl>
            </details>
          )}
        </section>
        <ImportancePanel detail={detail} rung={rung} />
      </div>
      <SweepCharts detail={detail} rung={rung} chosen={chosenTrial()} onChoose={choose} />
      <SweepTable detail={detail} chosen={chosenTrial()} onChoose={choose} />
    </>
  );
}

function chosenTrial(): number | undefined {
  const text = route.value.parameters.get('trial');
  return text === undefined ? undefined : Number(text);
}

/** Marks a trial in the charts and the table; the marked one again: none. */
function choose(trial: number): void {
  const { trial: _, ...others } = Object.fromEntries(route.value.parameters);
  goTo('sweeps', trial === chosenTrial() ? others : { ...others, trial: String(trial) });
}

function Best({ detail }: { readonly detail: SweepDetail }) {
  const { best, name } = detail.summary;
  const trial = detail.trials.find(({ number }) => number === best?.trial);
  if (!best || !trial) return <p class="hint">No trial has reached the end of a rung yet.</p>;
  const error = best.standardError === null ? '' : ` ± ${best.standardError.toFixed(4)}`;
  return (
    <>
      <p>
        <strong>Best: trial {best.trial}</strong>, loss {lossText(best.loss)}
        {error}, with {parametersText(trial)}.{' '}
        {trial.run !== null && <a href={`#/run?id=${trial.run}`}>Its run</a>}
      </p>
      <p class="hint">
        To copy its model: <Command text={`npx char-rnn sweep best ${quotedFile(name)}`} />
      </p>
    </>
  );
}

/** How far it is, and what is running. */
function Progress({ detail }: { readonly detail: SweepDetail }) {
  const { summary, trials, rungs } = detail;
  const running = trials.filter(({ jobs }) => jobs.at(-1)?.state === 'running');
  const share = shareDone(detail);
  return (
    <>
      {summary.state !== 'finished' && (
        <p class="row">
          <progress max={1} value={share} aria-label="done so far" />
          <span>{Math.floor(100 * share)} % of the training known so far</span>
        </p>
      )}
      <ul class="facts">
        {rungLines(summary, rungs).map((line) => (
          <li key={line}>{line}</li>
        ))}
        {summary.state === 'running' &&
          running.slice(0, 8).map((trial) => (
            <li key={trial.number}>
              trial {trial.number}: {trialState(trial, rungs)}
              {trial.jobs.at(-1)?.machine && <small> on {trial.jobs.at(-1)?.machine}</small>}
            </li>
          ))}
        {running.length > 8 && <li>and {running.length - 8} more</li>}
      </ul>
    </>
  );
}

/** `rung 1: 20 of 27 done, 1 exploded`. */
function rungLines({ jobs }: SweepSummary, rungs: number): string[] {
  return [...new Set(jobs.map(({ rung }) => rung))].map((rung) => {
    const own = jobs.filter((one) => one.rung === rung);
    const all = own.reduce((sum, { count }) => sum + count, 0);
    const countOf = (state: string) => own.find((one) => one.state === state)?.count ?? 0;
    const others = ['running', 'exploded', 'failed']
      .filter((state) => countOf(state) > 0)
      .map((state) => `, ${countOf(state)} ${state}`);
    return `${rungs > 1 ? `rung ${rung}: ` : ''}${countOf('done')} of ${all} done${others.join('')}`;
  });
}

function HowToGoOn({ summary: { state, name, jobs } }: { readonly summary: SweepSummary }) {
  const hasFailed = jobs.some((one) => one.state === 'failed');
  if (state === 'waiting' || state === 'stopped')
    return (
      <p>
        {state === 'waiting' ? 'No process works on it. ' : ''}To continue:{' '}
        <Command text={`npx char-rnn sweep resume ${quotedFile(name)}`} />
      </p>
    );
  if (!hasFailed) return null;
  return (
    <p>
      To repeat the failed trials: <Command text={`npx char-rnn sweep retry ${quotedFile(name)}`} />
    </p>
  );
}
