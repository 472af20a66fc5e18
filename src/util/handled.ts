/** A promise that is awaited later, or never if an error comes first: its rejection is not unhandled. */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
