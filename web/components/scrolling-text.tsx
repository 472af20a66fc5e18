/** A text of a model in a box that scrolls. Not every browser lets the keyboard scroll a box that can't have the focus. */
import { useEffect, useRef, useState } from 'preact/hooks';

export interface ScrollingTextProps {
  readonly label: string;
  readonly text: string;
}

/** Tab stops at it if it has more text than it shows. */
export function ScrollingText({ label, text }: ScrollingTextProps) {
  const box = useRef<HTMLPreElement>(null);
  const [scrolls, setScrolls] = useState(false);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const measure = () => setScrolls(element.scrollHeight > element.clientHeight);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [text]);
  return (
    <pre ref={box} class="sample" {...(scrolls && { tabIndex: 0, role: 'region', 'aria-label': label })}>
      {text}
    </pre>
  );
}
