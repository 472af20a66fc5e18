/** `TextView` as a component. */
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Marks } from './text-painter.ts';
import { TextView } from './text-view.ts';

export interface TextPanelProps {
  readonly label: string;
  readonly symbols: readonly string[];
  readonly values: ArrayLike<number>;
  /** The value that has the strongest colour. */
  readonly scale: number;
  readonly marks: Marks;
  readonly onPick: (position: number) => void;
  readonly onSelect?: (from: number, to: number) => void;
  /** Whether the text is being written: its end stays in view. */
  readonly isGrowing?: boolean;
}

export function TextPanel(props: TextPanelProps) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<TextView>(undefined);
  useLayoutEffect(() => {
    const made = new TextView(props.label);
    view.current = made;
    host.current?.append(made.element);
    return () => made.close();
  }, [props.label]);
  useLayoutEffect(() => {
    const shown = view.current;
    if (!shown) return;
    shown.onPick = props.onPick;
    shown.onSelect = props.onSelect ?? (() => {});
  });
  useLayoutEffect(() => {
    view.current?.setText(props.symbols);
    if (props.isGrowing) view.current?.scrollToEnd();
  }, [props.symbols, props.label]);
  useLayoutEffect(() => view.current?.setGrowing(props.isGrowing === true), [props.isGrowing, props.label]);
  useLayoutEffect(
    () => view.current?.setValues(props.values, props.scale),
    [props.values, props.scale, props.label],
  );
  useLayoutEffect(() => {
    view.current?.setMarks(props.marks);
    if (props.marks.caret !== undefined) view.current?.reveal(props.marks.caret);
  }, [props.marks, props.label]);
  return <div class="text-panel" ref={host} />;
}
