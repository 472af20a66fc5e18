/** What a table is sorted by, where there is no room for a head for each column. */
import type { Signal } from '@preact/signals';
import type { Sorting } from '../sorting.ts';

export interface SortMenuProps<Key extends string> {
  readonly columns: readonly { readonly key: Key; readonly title: string }[];
  readonly sorting: Signal<Sorting<Key>>;
}

/** Two cells of a head. */
export function SortMenu<Key extends string>({ columns, sorting }: SortMenuProps<Key>) {
  const { key, isDescending } = sorting.value;
  return (
    <>
      <th scope="col">
        <select
          class="wide"
          aria-label="sort by"
          value={key}
          onChange={(event) => {
            sorting.value = { key: event.currentTarget.value as Key, isDescending };
          }}
        >
          {columns.map((column) => (
            <option key={column.key} value={column.key}>
              {column.title}
            </option>
          ))}
        </select>
      </th>
      <th scope="col">
        <button
          type="button"
          class="mark-trial"
          aria-label={`order: ${isDescending ? 'highest' : 'lowest'} first`}
          onClick={() => {
            sorting.value = { key, isDescending: !isDescending };
          }}
        >
          {isDescending ? '↓' : '↑'}
        </button>
      </th>
    </>
  );
}
