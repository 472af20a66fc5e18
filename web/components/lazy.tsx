/** A page whose program is fetched when it is first shown. */
import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';

export function lazy(load: () => Promise<ComponentType>): ComponentType {
  const page = signal<ComponentType | undefined>(undefined);
  const problem = signal<string | undefined>(undefined);
  let loading: Promise<void> | undefined;
  const start = () => {
    problem.value = undefined;
    loading = load().then(
      (loaded) => {
        page.value = loaded;
      },
      (error: Error) => {
        problem.value = error.message;
      },
    );
  };
  return function Lazy() {
    if (!loading) start();
    const Page = page.value;
    if (Page) return <Page />;
    if (problem.value === undefined) return <p role="status">Loading …</p>;
    return (
      <p class="problem" role="alert">
        This page could not be loaded: {problem.value}{' '}
        <button type="button" onClick={start}>
          Try again
        </button>
      </p>
    );
  };
}
