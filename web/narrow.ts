/** Whether the page is as narrow as that of a phone. */
import { signal } from '@preact/signals';

/** The same width as in style.css. */
const query = matchMedia('(max-width: 40rem)');

export const isNarrow = signal(query.matches);

query.addEventListener('change', ({ matches }) => {
  isNarrow.value = matches;
});
