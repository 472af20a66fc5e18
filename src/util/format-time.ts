/** Moments as people read them, in local time. */

/** `14:32` on the same day, else `27 November`, with the year where it is another one. */
export function formatMoment(milliseconds: number, now = Date.now()): string {
  const [then, today] = [new Date(milliseconds), new Date(now)];
  const isThisYear = then.getFullYear() === today.getFullYear();
  if (isThisYear && then.getMonth() === today.getMonth() && then.getDate() === today.getDate()) {
    return then.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  }
  return then.toLocaleDateString('en-GB', {
    day: 'numeric',
    month: 'long',
    ...(!isThisYear && { year: 'numeric' }),
  });
}
