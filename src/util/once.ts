/** Passes each message on only the first time. */
export function onlyOnce(onNotice: ((message: string) => void) | undefined): (message: string) => void {
  const passed = new Set<string>();
  return (message) => {
    if (!passed.has(message)) onNotice?.(message);
    passed.add(message);
  };
}
