/** Messages that are not to be repeated. */

/** Passes each message on once. */
export function saidOnce(onNotice: ((message: string) => void) | undefined): (message: string) => void {
  const said = new Set<string>();
  return (message) => {
    if (!said.has(message)) onNotice?.(message);
    said.add(message);
  };
}
