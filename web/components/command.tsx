/** A command, which breaks between its words and not after their hyphens. */
import { Fragment } from 'preact';

export function Command({ text, isBlock = false }: { readonly text: string; readonly isBlock?: boolean }) {
  return (
    <code class={isBlock ? 'block' : undefined}>
      {text.split(' ').map((word, at) => (
        <Fragment key={at}>
          {at > 0 && ' '}
          <span class="word">{word}</span>
        </Fragment>
      ))}
    </code>
  );
}
