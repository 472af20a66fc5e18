/** The head of a column by which a table can be sorted. */
import type { Signal } from '@preact/signals';
import { ariaSort, type Sorting, sortedBy } from '../sorting.ts';

export interface SortHeadProps<Key extends string> {
  readonly column: Key;
  readonly title: string;
  readonly sorting: Signal<Sorting<Key>>;
}

export function SortHead<Key extends string>({ column, title, sorting }: SortHeadProps<Key>) {
  const { value } = sorting;
  return (
    <th scope="col" aria-sort={ariaSort(value, column)}>
      <button
        type="button"
        class="quiet"
        onClick={() => {
          sorting.value = sortedBy(sorting.value, column);
        }}
      >
        {title}
        {value.key === column && <span aria-hidden="true">{value.isDescending ? ' ↓' : ' ↑'}</span>}
      </button>
    </th>
  );
}
