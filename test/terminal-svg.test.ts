/** The converter that draws the README's picture. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { terminalSvg } from '../scripts/terminal-svg.ts';

test('a screen becomes text in its columns, styles and rectangles', () => {
  const svg = terminalSvg(
    '\x1b[1mloss\x1b[0m  <1 & 2>\n  \x1b[36m━━─\x1b[39m\n\x1b[2m"dim"\n\n',
    20,
    'a "run"',
  );
  assert.match(svg, /aria-label="a &quot;run&quot;"/);
  assert.match(svg, /<text x="16\.0" y="48" font-weight="bold" textLength="33\.7">loss</);
  // Six columns of 8.43 pixels from the margin.
  assert.match(svg, /<text x="66\.6" y="48" textLength="59\.0">&lt;1 &amp; 2&gt;</);
  assert.match(svg, /<rect x="32\.9" y="61\.0" width="16\.9" height="3\.0" fill="#56b6c2"\/>/);
  assert.match(svg, /<rect x="49\.7" y="62\.0" width="8\.4" height="1\.0" fill="#56b6c2"\/>/);
  assert.match(svg, /fill-opacity="0\.6" textLength="42\.1">&quot;dim&quot;</);
  // Three lines: the blank ones at the end are left out.
  assert.match(svg, /height="107"/);
});
