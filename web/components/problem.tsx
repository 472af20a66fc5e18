/** What went wrong on a page, in the words of its form. */
import { inWords, optionWords } from '../words.ts';
import { problemOf } from './controls.tsx';

/** @param error What was thrown; undefined shows nothing. */
export function Problem({ error }: { readonly error: unknown }) {
  if (error === undefined) return null;
  const own = problemOf(error);
  const text = own ? `${optionWords(own.name)}: ${own.message}` : (error as Error).message;
  return (
    <p class="problem" role="alert">
      {inWords(text)}
    </p>
  );
}
