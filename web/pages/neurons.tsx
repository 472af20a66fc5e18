/** Neurons: what the units do while the model reads a text. */
import { NoModel } from '../components/no-model.tsx';
import { UnitList } from '../components/unit-list.tsx';
import { UnitPanel } from '../components/unit-panel.tsx';
import { chosen, notices, problem, progress, read, reading, text, typeText } from '../neurons-state.ts';
import { model } from '../session.ts';
import { asSentence, inWords } from '../words.ts';

export function Neurons() {
  if (!model.value)
    return (
      <NoModel what="look at its neurons">
        A neuron, or unit, is a number that the model remembers. This page finds units that follow something
        in a text, such as a quotation or the length of a line, and colours the text by their values.
      </NoModel>
    );
  return (
    <div class="columns narrow-first">
      <section class="panel" aria-labelledby="units-title">
        <h2 id="units-title">Units</h2>
        <label class="field">
          <span class="name">text to read</span>
          <textarea
            rows={3}
            value={text.value}
            placeholder="paste a text, or leave this empty and let the model write one"
            onInput={(event) => typeText(event.currentTarget.value)}
          />
        </label>
        <div class="row">
          <button type="button" class="primary" onClick={read} disabled={progress.value !== undefined}>
            Read
          </button>
          {progress.value !== undefined && (
            <progress max={1} value={progress.value} aria-label="reading and labelling" />
          )}
        </div>
        {problem.value !== undefined && (
          <p class="problem" role="alert">
            {asSentence(problem.value)}
          </p>
        )}
        <div role="status">
          {notices.value.map((notice) => (
            <p class="hint" key={notice}>
              {asSentence(inWords(notice))}
            </p>
          ))}
        </div>
        {reading.value && <UnitList facts={reading.value} />}
      </section>
      <section class="panel" aria-labelledby="text-title">
        {reading.value && chosen.value ? (
          <UnitPanel facts={reading.value} />
        ) : (
          <>
            <h2 id="text-title">What a unit does</h2>
            <p class="hint">
              Read a text to see each unit’s value after every character. Units that track something, such as
              the position in a line or whether a quotation is open, are labelled. A unit gets a label only if
              its correlation is clearly higher than that of any unit before training.
            </p>
          </>
        )}
      </section>
    </div>
  );
}
