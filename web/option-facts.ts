/** What the worker says about options, for the forms of the pages. */
import type { Signal } from '@preact/signals';
import type { OptionFacts } from '../src/option-facts.ts';
import { worker } from './session.ts';

/** Asks for the facts of options, unless they are known. @param left Options that the form leaves out. */
export function loadFacts(
  of: 'training' | 'sampling',
  into: Signal<readonly OptionFacts[]>,
  left: ReadonlySet<string>,
): void {
  if (into.value.length > 0) return;
  worker()
    .call('optionFacts', of)
    .then(
      (found) => {
        into.value = found.filter(({ name }) => !left.has(name));
      },
      // The header says that the worker has ended. The page asks the next one.
      () => {},
    );
}
