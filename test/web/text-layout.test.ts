import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { layOut } from '../../web/components/text-layout.ts';

test('lines break at line ends, and after a space', () => {
  const lines = layOut(Array.from('the harbour wall\nstood in the rain'), 12);
  assert.deepEqual(
    lines.map(({ text }) => text),
    ['the harbour ', 'wall', 'stood in ', 'the rain'],
  );
  assert.deepEqual(
    lines.map(({ isPlain }) => isPlain),
    [true, true, true, true],
  );
});

test('wide characters take two columns', () => {
  const lines = layOut(Array.from('床前明月光疑是地上霜'), 8);
  assert.deepEqual(
    lines.map(({ text }) => text),
    ['床前明月', '光疑是地', '上霜'],
  );
  assert.ok(lines.every(({ isPlain }) => !isPlain));
});

test('every symbol is on exactly one line, and growing a text gives the same lines as laying it out whole', () => {
  const symbol = fc.constantFrom('a', 'b', ' ', '\n', '\t', '漢', '👩‍👩‍👧', 'é');
  fc.assert(
    fc.property(
      fc.array(symbol, { maxLength: 120 }),
      fc.integer({ min: 4, max: 20 }),
      fc.nat(),
      (symbols, columns, cut) => {
        const whole = layOut(symbols, columns);
        let next = 0;
        for (const line of whole) {
          assert.equal(line.from, next);
          next += line.length;
        }
        assert.equal(next, symbols.length);
        const first = layOut(symbols.slice(0, cut % (symbols.length + 1)), columns);
        const last = first.at(-1);
        if (last) assert.deepEqual([...first.slice(0, -1), ...layOut(symbols, columns, last.from)], whole);
      },
    ),
  );
});
