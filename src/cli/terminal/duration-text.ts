/** Durations in words. */

/** `19 ms`, `1.2 s`, `6 min 40 s`, `3 h 05 min`, `2 days 4 h`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 999.5) return `${Number(milliseconds.toPrecision(milliseconds < 9.95 ? 2 : 3))} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)} days ${hours % 24} h`;
}

/** `6:02 left`, `3 h 05 min left`. */
export function timeLeft(milliseconds: number): string {
  return Number.isFinite(milliseconds) ? `${shortDuration(milliseconds)} left` : '';
}

/** `6:02–7:40 left`; `under 0:40 left` if the shorter time is up, and `` if both are. */
export function timeRangeLeft(min: number, max: number): string {
  const [from, to] = [shortDuration(min), shortDuration(max)];
  if (max <= 0) return '';
  if (min <= 0) return `under ${to} left`;
  return from === to ? `${to} left` : `${from}–${to} left`;
}

/** `6:02`, `3 h 05 min`. */
function shortDuration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const two = (value: number) => String(value).padStart(2, '0');
  return hours > 0 ? `${hours} h ${two(minutes)} min` : `${minutes}:${two(seconds % 60)}`;
}

/** A moment in local time: `14:05`, `Friday 14:05`, or `27 November` if it is more than six days away. */
export function formatMoment(moment: Date, now: Date): string {
  const time = `${String(moment.getHours()).padStart(2, '0')}:${String(moment.getMinutes()).padStart(2, '0')}`;
  if (moment.toDateString() === now.toDateString()) return time;
  const isFar = moment.getTime() - now.getTime() >= 6 * 24 * 3_600_000;
  if (isFar) return moment.toLocaleDateString('en-GB', { day: 'numeric', month: 'long' });
  return `${moment.toLocaleDateString('en-GB', { weekday: 'long' })} ${time}`;
}
