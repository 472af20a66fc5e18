/** Labels: a network made by hand gets the names of what it does, and an untrained one gets none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { parameterCount, parameterSlices } from '../../src/engine/layout.ts';
import { OptionError, TextError } from '../../src/errors.ts';
import { DETECTORS, LanguageModel } from '../../src/index.ts';
import { untrainedParameters } from '../../src/inspect/untrained-twin.ts';
import { layoutOf } from '../../src/model/config.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';
import { madeCheckpoint } from '../checkpoint/made-checkpoint.ts';

/** Lines of different lengths, some of whose words are quoted. */
function proseWithQuotes(): string {
  const random = new MersenneTwister(3);
  const below = (n: number) => Math.floor(random.nextUniform() * n);
  const words = ['sea', 'whale', 'ship', 'Ahab', 'the', 'a', 'harpoon', 'said', 'old', 'I'];
  let text = '';
  let isQuoted = false;
  for (let line = 0; line < 150; line++) {
    for (let word = 2 + below(9); word > 0; word--) {
      if (below(12) === 0) {
        text += '"';
        isQuoted = !isQuoted;
      }
      text += `${words[below(words.length)]} `;
    }
    text += '\n';
  }
  return isQuoted ? `${text}"` : text;
}

const text = proseWithQuotes();
const vocabulary = new Vocabulary({
  kind: 'character',
  normalize: 'none',
  symbols: [...new Set(text)].sort(),
  hasUnknown: false,
});

/** An lstm of three units: the first counts since the last line end, the second toggles at quotation marks, the third does nothing. */
function handMade(): Checkpoint {
  const base = madeCheckpoint({ vocabulary, cell: 'lstm', layers: 1, hiddenSize: 3, precision: 'float64' });
  const layout = layoutOf(base.config);
  const H = 3;
  const V = vocabulary.size;
  const parameters = new Float64Array(parameterCount(layout));
  const offsetOf = (name: string) =>
    parameterSlices(layout).find((slice) => slice.name === name)?.offset ?? 0;
  const [GATE_I, GATE_F, GATE_O, GATE_G] = [0, 1, 2, 3];
  const set = (gate: number, unit: number, value: number, symbol?: string) => {
    const row = gate * H + unit;
    if (symbol === undefined) parameters[offsetOf('bias_ih') + row] = value;
    else parameters[offsetOf('weight_ih') + row * V + (vocabulary.tokenOf(symbol) as number)] = value;
  };
  // c grows by 0.01 with each symbol, and a line end sets it to zero.
  for (const gate of [GATE_I, GATE_F, GATE_O]) set(gate, 0, 20);
  set(GATE_G, 0, Math.atanh(0.01));
  set(GATE_I, 0, -40, '\n');
  set(GATE_F, 0, -40, '\n');
  // c changes only at a quotation mark, to 1 if h is 0 or below, else to −1.
  set(GATE_I, 1, -20);
  set(GATE_F, 1, 20);
  set(GATE_O, 1, 20);
  set(GATE_I, 1, 40, '"');
  set(GATE_F, 1, -40, '"');
  set(GATE_G, 1, 10);
  parameters[offsetOf('weight_hh') + (GATE_G * H + 1) * H + 1] = -30;
  return { ...base, parameters };
}

test('a network that counts columns and toggles at quotation marks gets these labels', async () => {
  const model = new LanguageModel(handMade());
  const labels = await model.labelUnits(text);
  const of = (unit: number) => labels.find((one) => one.unit === unit);
  assert.equal(of(1)?.label, 'position in line');
  assert.ok((of(1)?.r ?? 0) > 0.99, `${of(1)?.r}`);
  assert.equal(of(2)?.label, 'inside quotes');
  assert.ok((of(2)?.r ?? 0) > 0.9, `${of(2)?.r}`);
  assert.equal(of(3)?.label, undefined);
  const states = await model.states(text);
  assert.equal(states.symbols.join(''), text);
  await model.close();
});

test('a text that is too short to tell gives no labels', async () => {
  const model = new LanguageModel(handMade());
  const labelled = async (symbols: number) =>
    (await model.labelUnits(text.slice(0, symbols))).filter(({ label }) => label !== undefined).length;
  assert.equal(await labelled(499), 0);
  assert.equal(await labelled(500), 2);
  await model.close();
});

test('the initial weights of a model get no labels; without the twin they would', async () => {
  for (const init of ['original', 'scaled']) {
    const base = madeCheckpoint({ vocabulary, cell: 'lstm', layers: 2, hiddenSize: 32 });
    const options = { seed: 7, init };
    const checkpoint = { ...base, training: base.training && { ...base.training, options } };
    const model = new LanguageModel({ ...checkpoint, parameters: untrainedParameters(checkpoint) });
    const labels = await model.labelUnits(text);
    assert.deepEqual(
      labels.filter(({ label }) => label !== undefined),
      [],
    );
    assert.equal(labels.length, 64);
    const bare = await model.labelUnits(text, { twin: false });
    assert.ok(bare.some(({ label }) => label !== undefined));
    await model.close();
  }
});

test('each detector follows its definition', () => {
  const symbols = [...'He (said): "Go [A1] {x}"\n\n  <b>AB c'];
  const at = (name: string, symbol: string, from = 0) =>
    DETECTORS[name]?.(symbols)[symbols.indexOf(symbol, from)];
  assert.equal(at('inside quotes', 'G'), 1);
  assert.equal(at('inside quotes', 'b'), 0);
  assert.equal(at('position in line', '\n'), 0);
  assert.equal(at('position in line', 'e'), 2);
  assert.equal(at('position in word', 'i'), 3);
  assert.equal(at('within a word', '('), 0);
  assert.equal(at('first letter of a word', 'H'), 1);
  assert.equal(at('first letter of a word', 'e'), 0);
  assert.equal(at('capital letter', 'G'), 1);
  assert.equal(at('run of capitals', 'B'), 1);
  assert.equal(at('run of capitals', 'G'), 0);
  assert.equal(at('vowel', 'e'), 1);
  assert.equal(at('space or line end', ' '), 1);
  assert.equal(at('line end', '\n'), 1);
  assert.equal(at('after an empty line', '\n', symbols.indexOf('\n') + 1), 1);
  assert.equal(at('since the end of a sentence', ':'), 0);
  assert.equal(at('punctuation', '('), 1);
  assert.equal(at('digit', '1'), 1);
  assert.equal(at('depth of ( )', 's'), 1);
  assert.equal(at('depth of { }', 'x'), 1);
  assert.equal(at('depth of [ ]', '1'), 1);
  assert.equal(at('indentation', 'b'), 2);
  assert.equal(at('inside < >', 'b'), 1);
  assert.equal(at('inside < >', 'B'), 0);
  assert.equal(Object.keys(DETECTORS).length, 19);
});

test('recorded states give the same labels, and are not read again', async () => {
  const model = new LanguageModel(handMade());
  const states = await model.states(text, { parts: ['h', 'c'] });
  assert.deepEqual(await model.labelUnits(text, { states }), await model.labelUnits(text));
  assert.deepEqual(
    await model.labelUnits(text, { states, part: 'c', layers: [1] }),
    await model.labelUnits(text, { part: 'c', layers: [1] }),
  );
  const fractions: number[] = [];
  await model.labelUnits(text, { states, twin: false, onProgress: (done) => fractions.push(done) });
  assert.equal(fractions.length, 0, 'nothing is read');
  await model.labelUnits(text, { states, onProgress: (done) => fractions.push(done) });
  assert.equal(fractions.at(-1), 1);
  assert.ok(
    fractions.every((fraction, k) => fraction > (fractions[k - 1] ?? 0)),
    'only the twin reads',
  );
  const other = await model.states(`${text}a`);
  await assert.rejects(model.labelUnits(text, { states: other }), /states: got states of another text/);
  await assert.rejects(
    model.labelUnits(text, { states: await model.states(text), part: 'c' }),
    /states: got states of h, expected those of c/,
  );
  await model.close();
});

test('a detector of the caller, and wrong input', async () => {
  const model = new LanguageModel(handMade());
  const detectors = {
    comma: (symbols: readonly string[]) => Float32Array.from(symbols, (s) => (s === 'q' ? 1 : 0)),
  };
  const labels = await model.labelUnits(text, { detectors, layers: [1], part: 'c' });
  assert.ok(
    labels.every(({ label, r }) => label === undefined && r === 0),
    'a detector that does not change',
  );
  await assert.rejects(model.labelUnits(text, { layers: [2] }), OptionError);
  await assert.rejects(model.labelUnits(text, { part: 'z' }), /part: got "z", expected h, c, i, f, o, g/);
  await assert.rejects(model.states(text, { parts: [] }), OptionError);
  await assert.rejects(model.states(''), TextError);
  await model.close();
});
