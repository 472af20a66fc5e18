/** Lines on standard error: broken between words, command lines whole. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foldLines } from '../../src/cli/terminal/note.ts';
import { wrapHanging } from '../../src/cli/terminal/text-width.ts';

const line = 'the text has only 43 batches of 50 × 50, so an epoch has few updates';

test('words stay whole at any width of the terminal', () => {
  for (const width of [20, 40, 60]) {
    const lines = foldLines(line, width, 'char-rnn').split('\n');
    assert.ok(lines.length > 1 && lines.every((part) => part.length <= width), lines.join('\n'));
    assert.equal(lines.join(' '), line);
  }
  assert.equal(foldLines(line, 100, 'char-rnn'), line);
  assert.equal(foldLines(`${line}\n\nx`, 30, 'char-rnn').endsWith('\n\nx'), true);
});

test('reports are indented where they are broken, and keep the spaces after a name', () => {
  const fact = `part     ${line}`;
  for (const width of [20, 40, 60]) {
    const [first = '', ...more] = wrapHanging(fact, 9, width);
    assert.match(first, /^part {5}the /);
    assert.ok(more.length > 0 && more.every((part) => /^ {9}\S/.test(part)), more.join('\n'));
    assert.ok([first, ...more].every((part) => part.length <= width));
    assert.equal([first, ...more.map((part) => part.trim())].join(' '), fact);
  }
  assert.deepEqual(wrapHanging(fact, 9, undefined), [fact]);
});

test('command lines stay on one line, and so does everything if there is no terminal', () => {
  const command = `To continue:\n  char-rnn train ${'a'.repeat(60)} --resume cv`;
  assert.equal(foldLines(command, 30, 'char-rnn'), command);
  const inside = `sample with: node dist/cli/main.js sample cv/best.safetensors`;
  assert.equal(foldLines(inside, 30, 'node dist/cli/main.js'), inside);
  assert.equal(foldLines(line, undefined, 'char-rnn').includes('\n'), false);
});
