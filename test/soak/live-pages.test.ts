import assert from 'node:assert/strict';
import { test } from 'node:test';
import { skipWithoutChromium } from '../browser/page.ts';
import { watchLivePages } from './live-pages.ts';

test('pages that follow a growing run show its last iteration, and their memory is measured', {
  skip: skipWithoutChromium,
}, async () => {
  const { iterations, shown, memory } = await watchLivePages({ seconds: 8, interval: 2 });
  assert.ok(iterations > 50);
  assert.equal(shown, iterations);
  for (const [name, values] of Object.entries(memory))
    assert.ok(values.length >= 4 && values.every((value) => value > 1 && value < 400), `${name}: ${values}`);
});
