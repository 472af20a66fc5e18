/** Times in words: ranges, and moments in local time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatMoment, timeRangeLeft } from '../../src/cli/terminal/duration-text.ts';
import { timedFacts } from '../../src/cli/terminal/event-text.ts';
import type { TimedEvent } from '../../src/train/events.ts';
import { decodeEvent } from '../../src/train/log/logged-event.ts';

test('a range of the time left', () => {
  assert.equal(timeRangeLeft(362_000, 460_000), '6:02–7:40 left');
  assert.equal(timeRangeLeft(3_000_000, 11_100_000), '50:00–3 h 05 min left');
  assert.equal(timeRangeLeft(61_000, 61_400), '1:01 left');
  assert.equal(timeRangeLeft(-1, 40_000), 'under 0:40 left');
  assert.equal(timeRangeLeft(-20, -10), '');
});

test('a moment: the time, with the weekday on another day, or the date if it is far away', () => {
  const now = new Date(2026, 10, 27, 14, 5);
  assert.equal(formatMoment(new Date(2026, 10, 27, 23, 59), now), '23:59');
  assert.equal(formatMoment(new Date(2026, 10, 28, 0, 7), now), 'Saturday 00:07');
  assert.equal(formatMoment(new Date(2026, 11, 5, 0, 7), now), '5 December');
});

const timed: TimedEvent = {
  ...{ type: 'timed', milliseconds: 48, epochMilliseconds: 20_300 },
  ...{ restMilliseconds: 300_000, minRestMilliseconds: 270_000, maxRestMilliseconds: 400_000 },
};

test('the time of a run: an iteration, an epoch, and when it ends', () => {
  const now = new Date(2026, 10, 27, 14, 5);
  assert.deepEqual(timedFacts(timed, now), [
    '48 ms an iteration',
    '20.3 s an epoch',
    '4 min 30 s to 6 min 40 s left',
    'ends between 14:09 and 14:11',
  ]);
  const short = { ...timed, minRestMilliseconds: 1000, maxRestMilliseconds: 1010 };
  assert.deepEqual(timedFacts(short, now).slice(2), ['1.0 s left', 'ends about 14:05']);
});

test('an estimate in an earlier log, without a range', () => {
  const line = {
    time: '2026-11-27T10:00:00Z',
    type: 'timed',
    milliseconds: 1,
    epochMilliseconds: 2,
    restMilliseconds: 3,
  };
  const event = decodeEvent(new TextEncoder().encode(JSON.stringify(line)));
  assert.deepEqual(event, { ...line, minRestMilliseconds: 3, maxRestMilliseconds: 3 });
});
