/** Compares the table of filters with the other places that list them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Candidates, drawControlled } from '../../src/engine/candidates.ts';
import { ALL_DRAW_CONTROLS } from '../../src/engine/engine.ts';
import { controlsSchema, resolveControls } from '../../src/sample/choice/controls.ts';
import { activeSettings, isActive } from '../../src/sample/choice/filter.ts';
import { controlOptions, FILTERS } from '../../src/sample/choice/filters.ts';
import { RecentTokens } from '../../src/sample/choice/recent-tokens.ts';
import { TokenChooser } from '../../src/sample/choice/token-chooser.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';
import { CASES, letters } from './draw-distribution.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

/** The filters that engines implement, in the table's order. */
const engineFilters = FILTERS.filter(({ off }) =>
  Object.keys(off).some((name) => ALL_DRAW_CONTROLS.has(name as never)),
);
const engineControls = engineFilters
  .flatMap(({ off }) => Object.keys(off))
  .filter((name) => ALL_DRAW_CONTROLS.has(name as never));

test('each option belongs to one filter, and each filter is off by default', () => {
  const names = FILTERS.flatMap(({ options }) => Object.keys(options));
  assert.deepEqual(names.sort(), Object.keys(controlOptions).sort());
  assert.equal(new Set(FILTERS.map(({ name }) => name)).size, FILTERS.length);
  const controls = resolveControls(letters, controlsSchema.parse({}));
  for (const filter of FILTERS) assert.ok(!isActive(filter, controls), filter.name);
});

test('filters of log-probabilities come before filters of weights', () => {
  const changes = FILTERS.map((filter) => filter.changes);
  assert.ok(changes.lastIndexOf('log-probabilities') < changes.indexOf('weights'));
});

test('each filter of weights keeps a candidate, and the candidates in order with the sum of their weights', () => {
  const random = new MersenneTwister(3);
  const candidates = new Candidates(letters.size);
  const uniforms = Array.from({ length: 200 }, (_, k) => k / 200);
  for (const filter of FILTERS.filter(({ changes }) => changes === 'weights')) {
    const cases = Object.values(CASES)
      .map((options) => resolveControls(letters, controlsSchema.parse(options)))
      .filter((controls) => isActive(filter, controls));
    assert.ok(cases.length > 0, `CASES of draw-distribution.ts has ${filter.name}`);
    for (const controls of cases) {
      for (let i = 0; i < 20; i++) {
        const row = Float64Array.from({ length: letters.size }, () => 6 * random.nextUniform() - 8);
        /** @param isWeighed Whether the weights have been computed before the filter acts. */
        const filtered = (isWeighed: boolean) => {
          candidates.start(row, 0);
          if (isWeighed) assert.ok(candidates.sum > 0);
          filter.begin({ ...controls, recent: undefined, constraint: undefined }).apply(candidates);
          const { sum, count } = candidates;
          return { sum, count, tokens: uniforms.map((uniform) => candidates.draw(uniform)) };
        };
        const result = filtered(false);
        assert.deepEqual(filtered(true), result, filter.name);
        assert.ok(result.count > 0, filter.name);
        const ascending = result.tokens.toSorted((a, b) => a - b);
        assert.deepEqual(result.tokens, ascending, filter.name);
        if (filter.name === 'temperature') continue;
        // Computes the weights again.
        candidates.temperature = 1;
        assert.equal(result.sum, candidates.sum, filter.name);
      }
    }
  }
});

test('docs/sampling.md lists the filters in their order, and says which ones engines implement', () => {
  const page = read('docs/sampling.md');
  const list = [...page.matchAll(/^\d+\. \*\*(.+?)\*\*/gm)].map((found) =>
    (found[1] as string).toLowerCase(),
  );
  assert.deepEqual(list, [...FILTERS.map(({ name }) => name), 'draw']);
  const sentence = /If only (.+?) are active/.exec(page)?.[1]?.replaceAll(/\s+/g, ' ');
  assert.deepEqual(
    sentence?.split(/, | and /),
    engineFilters.map(({ name }) => name),
  );
});

test('the kernel applies its controls in the order of the table', () => {
  const body = /^static int draw_controlled\([\s\S]*?\) \{([\s\S]*?)^\}/m.exec(
    read('native/kernels/draw.h'),
  )?.[1];
  const used = [...(body as string).matchAll(/\bc\.(\w+)|\b(logitBias)\b/g)].map(
    ([, name, bias]) => name ?? bias,
  );
  assert.deepEqual([...new Set(used)], engineControls);
});

test('the kernel draws without the filters only if no control but the temperature is active', () => {
  const condition = /const bool plain = ([^;]*);/.exec(read('native/kernels/sequences.h'))?.[1] as string;
  const tried = [...condition.matchAll(/\br\.(\w+)/g)].map((found) => found[1] as string);
  // Penalties need the counts of the window.
  const expected = engineControls.map((name) =>
    name.endsWith('Penalty') ? 'countsAt' : name.replace('logitBias', 'logitBiasAt'),
  );
  assert.deepEqual(new Set([...tried, 'temperature']), new Set(expected));
});

test('the reference engine applies the filters of the table, in its order', () => {
  const options = controlsSchema.parse({
    ...{ temperature: 1.3, topK: 9, topP: 0.8, minP: 0.2, bias: 'c=2,d=-1', ban: 'e' },
    ...{ repetitionPenalty: 1.5, presencePenalty: 0.3, frequencyPenalty: 0.2, penaltyWindow: 5 },
  });
  const controls = resolveControls(letters, options);
  const active = FILTERS.flatMap((filter) => activeSettings(filter, controls));
  for (const name of ALL_DRAW_CONTROLS) assert.ok(active.includes(name), `${name} is tried`);
  const chooser = new TokenChooser(controls, new MersenneTwister(1));
  const uniforms = new MersenneTwister(1);
  const recent = new RecentTokens(letters.size, controls.penaltyWindow);
  const random = new MersenneTwister(2);
  const candidates = new Candidates(letters.size);
  for (let i = 0; i < 2000; i++) {
    const row = Float64Array.from({ length: letters.size }, () => 6 * random.nextUniform() - 8);
    const token = drawControlled(candidates, row, controls, recent.counts, uniforms.nextUniform());
    assert.equal(chooser.choose(row), token);
    recent.push(token);
  }
});
