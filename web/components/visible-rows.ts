/** Which rows of a long table are in the document: those in view, and some above and below them. */
import { type ReadonlySignal, useComputed, useSignal } from '@preact/signals';

/** Rows that are in view, at most. */
const SHOWN = 20;
/** Rows above and below them. */
const MARGIN = 10;

export interface VisibleRows {
  readonly from: number;
  /** After the last row. */
  readonly to: number;
  /** Of the box that scrolls. */
  readonly onScroll: (event: { readonly currentTarget: Element }) => void;
}

/** @param rowHeight In pixels. It may change while the table is scrolled: a phone can be turned. */
export function useVisibleRows(count: number, rowHeight: ReadonlySignal<number>): VisibleRows {
  const scrolled = useSignal(0);
  const first = useComputed(() => Math.floor(scrolled.value / rowHeight.value));
  const from = Math.max(0, Math.min(first.value, count - SHOWN) - MARGIN);
  return {
    from,
    to: Math.min(count, from + SHOWN + 2 * MARGIN),
    onScroll({ currentTarget }) {
      scrolled.value = currentTarget.scrollTop;
    },
  };
}
