/** The coloured text by itself, in headless Chromium. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { bundle, skipWithoutChromium, withPage } from '../browser/page.ts';
import { root } from '../cli/command.ts';

/** Texts in the order in which a view gets them. */
const TEXTS = [
  { text: '', isGrowing: true },
  { text: 'on', isGrowing: true },
  { text: 'one', isGrowing: false },
  { text: '', isGrowing: false },
  { text: 'two', isGrowing: false },
  { text: 'six', isGrowing: false },
];

test('a text is busy until all of it is in the document, also if it is complete at once or empty', {
  skip: skipWithoutChromium,
}, async () => {
  const script = await bundle({ entryPoints: [join(root, 'web/components/text-view.ts')] });
  const seen = await withPage({ isolated: false, script }, (page) =>
    page.evaluate(async (texts) => {
      // @ts-expect-error: the bundle
      const view = new globalThis.page.TextView('text');
      const { element } = view;
      document.body.append(element);
      const states: [string, string][] = [];
      for (const { text, isGrowing } of texts) {
        view.setText(Array.from(text));
        view.setGrowing(isGrowing);
        for (const frames of [0, 3]) {
          for (let k = 0; k < frames; k++) await new Promise(requestAnimationFrame);
          states.push([element.getAttribute('aria-busy'), element.textContent]);
        }
      }
      return states;
    }, TEXTS),
  );
  const earlier = ['', ...TEXTS.map(({ text }) => text)];
  assert.deepEqual(
    seen.filter((_, k) => k % 2 === 0),
    TEXTS.map((_, k) => ['true', earlier[k]]),
    'at once',
  );
  assert.deepEqual(
    seen.filter((_, k) => k % 2 === 1),
    TEXTS.map(({ text, isGrowing }) => [String(isGrowing), text]),
    'some frames later',
  );
});
