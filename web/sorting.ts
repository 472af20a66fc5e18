/** How a table is sorted. */
export interface Sorting<Key extends string = string> {
  readonly key: Key;
  readonly isDescending: boolean;
}

/** The sorting after a click on the head of a column. */
export function sortedBy<Key extends string>(now: Sorting<Key>, key: Key): Sorting<Key> {
  return { key, isDescending: now.key === key && !now.isDescending };
}

/** The value of `aria-sort` for a column. */
export function ariaSort(now: Sorting, key: string): 'ascending' | 'descending' | 'none' {
  if (now.key !== key) return 'none';
  return now.isDescending ? 'descending' : 'ascending';
}
