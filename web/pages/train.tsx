/** Train: a model on a text, in the page. */
import type { OptionFacts } from '../../src/option-facts.ts';
import { AdoptRun } from '../components/adopt-run.tsx';
import { Command } from '../components/command.tsx';
import { Controls, flagsOf, problemOf } from '../components/controls.tsx';
import { GpuChoice } from '../components/gpu-choice.tsx';
import { Problem } from '../components/problem.tsx';
import { SampleSlider } from '../components/sample-slider.tsx';
import { StoredRuns } from '../components/stored-runs.tsx';
import { TrainingCurves, TrainingProgress } from '../components/training-progress.tsx';
import { isNarrow } from '../narrow.ts';
import { loadFacts } from '../option-facts.ts';
import { goTo } from '../router.ts';
import { model } from '../session.ts';
import { quotedFile } from '../shell-words.ts';
import {
  characters,
  ended,
  facts,
  fileName,
  listRuns,
  messages,
  problem,
  running,
  samples,
  settings,
  shownSample,
  start,
  stopTraining,
  stored,
  takeTrainingText,
  text,
  textName,
  typeTrainingText,
} from '../training-state.ts';
import { asSentence, inWords } from '../words.ts';

export function Train() {
  loadFacts('training', facts, LEFT_OUT);
  if (stored.value === undefined) {
    stored.value = [];
    listRuns();
  }
  return (
    <div class="columns narrow-first">
      <section class="panel" aria-labelledby="train-title">
        <h2 id="train-title">Train</h2>
        <TextInput />
        <div class="row">
          {running.value ? (
            <button type="button" class="primary" onClick={stopTraining}>
              Stop and keep the model
            </button>
          ) : (
            <button type="button" class="primary" disabled={characters.value === 0} onClick={() => start()}>
              Train
            </button>
          )}
          <button
            type="button"
            disabled={!model.value || !!running.value || !ended.value}
            onClick={() => goTo('write')}
          >
            Write with it
          </button>
        </div>
        <Problem error={problem.value} />
        {/* A phone shows the run below the settings. */}
        <details open={!running.value && !(isNarrow.value && ended.value)}>
          <summary>Settings</summary>
          <GpuChoice
            engine={settings.value.engine}
            disabled={running.value !== undefined}
            onChange={(engine) => {
              const { compute, ...others } = settings.value;
              settings.value = { ...(engine === 'webgpu' ? settings.value : others), engine };
            }}
          />
          <Controls
            facts={offered()}
            settings={settings.value}
            disabled={running.value !== undefined}
            problem={problemOf(problem.value)}
            onChange={(changed) => {
              settings.value = changed;
            }}
          />
        </details>
        <details>
          <summary>The same on the command line</summary>
          <Command
            isBlock
            text={[
              'npx char-rnn train',
              quotedFile(textName.value),
              ...flagsOf(facts.value, settings.value),
            ].join(' ')}
          />
        </details>
        <StoredRuns />
        <AdoptRun />
      </section>
      <section class="panel" aria-labelledby="run-title">
        <h2 id="run-title">The run</h2>
        <TrainingProgress />
        <TrainingCurves />
        <SampleSlider
          samples={samples.value}
          chosen={shownSample.value}
          onChoose={(index) => {
            shownSample.value = index;
          }}
        />
        {messages.value.map((message, index) => (
          <p key={index} class={message.kind === 'warning' ? 'problem' : 'hint'}>
            {asSentence(inWords(message.text))}
          </p>
        ))}
      </section>
    </div>
  );
}

/** Options that mean nothing in a page. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'saveName',
  'printEvery',
  'vocab',
  'field',
  'encoding',
  'keep',
  // A page has no text but the one to train on, from which the vocabulary comes.
  'unknown',
  // A page has one GPU, which `GpuChoice` offers.
  'gpu',
]);

/** The options of the form. The CPU of a page computes in float32 only; bfloat16 needs the native engine. */
function offered(): OptionFacts[] {
  const onGpu = settings.value.engine === 'webgpu';
  return facts.value
    .filter(({ name }) => name !== 'engine' && (name !== 'compute' || onGpu))
    .map((fact) => (fact.name === 'compute' ? { ...fact, ...GPU_COMPUTE } : fact));
}

const GPU_COMPUTE = {
  choices: ['float32', 'float16'],
  help: 'float16 (experimental): round the recurrent weights; sums and stored weights stay float32',
};

function TextInput() {
  return (
    <div class="field">
      <label class="name" for="training-text">
        text
      </label>
      <textarea
        id="training-text"
        rows={6}
        value={text.value.length > 100_000 ? `${text.value.slice(0, 100_000)}…` : text.value}
        readOnly={text.value.length > 100_000}
        placeholder="paste a text, or drop a file on this page: the longer, the better"
        disabled={running.value !== undefined}
        onInput={(event) => {
          typeTrainingText(event.currentTarget.value);
        }}
      />
      <span class="row">
        <input
          type="file"
          aria-label="a file to train on"
          accept=".txt,.md,.tex,.csv,.xml,.json,.gz,text/*"
          disabled={running.value !== undefined}
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            // The same file can be chosen again. The line below names the one that the text comes from.
            event.currentTarget.value = '';
            if (!file) return;
            takeTrainingText(file).catch((error) => {
              problem.value = error;
            });
          }}
        />
        {text.value !== '' && (
          <button type="button" disabled={running.value !== undefined} onClick={() => typeTrainingText('')}>
            Clear
          </button>
        )}
        {characters.value > 0 && (
          <small>
            {fileName.value !== undefined && `${fileName.value}, `}
            {characters.value.toLocaleString('en')} {characters.value === 1 ? 'character' : 'characters'}
          </small>
        )}
      </span>
    </div>
  );
}
