import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { PredictionReader } from '../../src/model/token-details.ts';
import { type ControlOptions, controlsSchema, resolveControls } from '../../src/sample/choice/controls.ts';
import { TokenChooser } from '../../src/sample/choice/token-chooser.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';
import { chiSquareP } from './chi-square.ts';
import { CASES, drawDistributionP, isMemoryless, letters, tokenCountsP } from './draw-distribution.ts';
import { drawToken } from './draw-token.ts';
import { naiveFilters } from './filtered-probabilities.ts';

const controlsOf = (options: Partial<ControlOptions>, vocabulary = letters) =>
  resolveControls(vocabulary, controlsSchema.parse(options));

const chooserOf = (options: Partial<ControlOptions>, seed = 1) =>
  new TokenChooser(controlsOf(options), new MersenneTwister(seed));

/** Log-probabilities of a vocabulary of 26. */
const rows = fc
  .array(fc.oneof(fc.double({ min: -20, max: 0, noNaN: true }), fc.constantFrom(-3, -1)), {
    minLength: 26,
    maxLength: 26,
  })
  .map((logits) => {
    const normalizer = Math.log(logits.reduce((sum, value) => sum + Math.exp(value), 0));
    return logits.map((value) => value - normalizer);
  });

test('every control is tested here', () => {
  const tried = new Set(Object.values(CASES).flatMap((controls) => Object.keys(controls)));
  for (const name of Object.keys(controlsSchema.shape))
    assert.ok(tried.has(name) || name === 'mirostatRate', name);
});

test('without controls the draw follows the rule of the original, to the last bit', () => {
  fc.assert(
    fc.property(
      rows,
      fc.nat(1e6),
      fc.constantFrom(0, 1e-9, 0.3, 1, 4),
      fc.boolean(),
      (row, seed, temperature, float32) => {
        const values = float32 ? Float32Array.from(row) : Float64Array.from(row);
        const uniforms = new MersenneTwister(seed);
        const chooser = chooserOf({ temperature }, seed);
        for (let i = 0; i < 5; i++) {
          assert.equal(chooser.choose(values), drawToken(values, uniforms.nextUniform(), temperature));
        }
      },
    ),
  );
});

test('tokens and their probabilities agree with the naive implementation', () => {
  fc.assert(
    fc.property(
      rows,
      fc.constantFrom(...Object.values(CASES)),
      fc.nat(1e6),
      fc.boolean(),
      (row, controls, seed, atOffset) => {
        const options = controlsSchema.parse(controls);
        const resolved = controlsOf(controls);
        const chooser = new TokenChooser(resolved, new MersenneTwister(seed));
        const naive = naiveFilters(options, [...(resolved.logitBias ?? row.map(() => 0))]);
        const values = Float64Array.from(atOffset ? [...row, ...row] : row);
        for (let i = 0; i < 20; i++) {
          const expected = naive.probabilities(row);
          const token = chooser.choose(values, atOffset ? row.length : 0);
          assert.ok(Math.abs((expected[token] as number) - chooser.probability) < 1e-9);
          naive.draw(token);
        }
      },
    ),
  );
});

for (const [name, controls] of Object.entries(CASES)) {
  test(`10,000 draws have the distribution of the filtered probabilities: ${name}`, () => {
    assert.ok(drawDistributionP(controls, 10_000, 5) > 0.001);
    if (isMemoryless(controls)) assert.ok(tokenCountsP(controls, 10_000, 5) > 0.001);
  });
}

test('the chi-square test gives known values, and detects a wrong distribution', () => {
  // For 9 degrees of freedom, the 95% quantile is 16.92 and the 99.9% quantile 27.88.
  const cells = (statistic: number) => {
    const off = Math.sqrt((statistic * 100) / 2);
    return chiSquareP([100 + off, 100 - off, ...Array(8).fill(100)], Array(10).fill(100));
  };
  assert.ok(Math.abs(cells(16.92) - 0.05) < 0.001);
  assert.ok(Math.abs(cells(27.88) - 0.001) < 0.0001);
  assert.equal(chiSquareP([1, 99], [0, 100]), 0);
});

test('ties are broken by the order of tokens, and at least one token is kept', () => {
  const even = Float64Array.from({ length: 26 }, () => Math.log(1 / 26));
  const seen = (options: Partial<ControlOptions>) => {
    const chooser = chooserOf(options);
    return new Set(Array.from({ length: 500 }, () => chooser.choose(even)));
  };
  assert.deepEqual([...seen({ topK: 3 })].sort(), [0, 1, 2]);
  assert.deepEqual([...seen({ topP: 1e-9 })], [0]);
  assert.deepEqual([...seen({ typicalP: 1e-9 })], [0]);
  assert.equal(seen({ minP: 1 }).size, 26);
  assert.equal(seen({ mirostat: 1e-9, mirostatRate: 1 }).size, 26);
});

test('whatever the log-probabilities, a token that is not banned is drawn', () => {
  const wild = fc.array(fc.constantFrom(Number.NEGATIVE_INFINITY, Number.NaN, -1e38, -1000, 0, -0.5, 1e30), {
    minLength: 26,
    maxLength: 26,
  });
  fc.assert(
    fc.property(wild, fc.constantFrom(...Object.values(CASES)), (row, controls) => {
      const resolved = controlsOf(controls);
      const chooser = new TokenChooser(resolved, new MersenneTwister(1));
      for (let i = 0; i < 5; i++) {
        const token = chooser.choose(Float32Array.from(row));
        assert.ok(Number.isInteger(token) && token >= 0 && token < 26);
        assert.notEqual(resolved.logitBias?.[token] ?? 0, Number.NEGATIVE_INFINITY);
      }
    }),
  );
});

test('bans, allowed characters and biases name characters; invalid ones are rejected', () => {
  const logitBias = (options: Partial<ControlOptions>) => [...(controlsOf(options).logitBias ?? [])];
  assert.equal(logitBias({ ban: 'aé' }).filter((value) => value === Number.NEGATIVE_INFINITY).length, 1);
  assert.equal(logitBias({ only: 'xyé' }).filter((value) => value === 0).length, 2);
  assert.equal(logitBias({ bias: 'e=-2,x=1.5' })[4], -2);
  assert.equal(logitBias({ bias: { x: 1.5 } })[23], 1.5);
  const punctuation = new Vocabulary({
    kind: 'character',
    normalize: 'none',
    symbols: ['\n', ',', '='],
    hasUnknown: true,
  });
  assert.deepEqual(
    [...(controlsOf({ bias: ',=-1,==2,\n=3' }, punctuation).logitBias ?? [])],
    [3, -1, 2, Number.NEGATIVE_INFINITY],
  );
  const cases: [Partial<ControlOptions>, string][] = [
    [{ ban: letters.symbols.join('') }, 'ban'],
    [{ only: 'é' }, 'only'],
    [{ bias: 'e' }, 'bias'],
    [{ bias: 'e=1;x=2' }, 'bias'],
    [{ bias: { ab: 1 } }, 'bias'],
    [{ bias: 'e=5000' }, 'bias'],
    [{ temperature: 0.5, temperatureRange: 0.6 }, 'temperatureRange'],
  ];
  for (const [options, name] of cases) assert.throws(() => controlsOf(options), { option: name });
});

test('details have the model’s own prediction', () => {
  const reader = new PredictionReader(4, 2);
  const row = Float32Array.of(9, Math.log(0.5), Math.log(0.25), Math.log(0.25), Number.NEGATIVE_INFINITY);
  const details = reader.describe(row, 1, 1, 0.7);
  assert.ok(Math.abs(details.entropy - 1.5 * Math.LN2) < 1e-6);
  assert.ok(Math.abs(details.logProbability - Math.log(0.25)) < 1e-6);
  assert.deepEqual(
    details.alternatives.map(({ token }) => token),
    [0, 1],
  );
  assert.equal(details.drawnProbability, 0.7);
});
