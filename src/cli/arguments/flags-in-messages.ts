/** Messages of the library at the command line: it names options, people type flags. */
import type { TrainingEvent } from '../../train/events.ts';
import { type Flag, longFlag } from './flag-table.ts';

/** A message in which options stand in backticks, with the flags of a command in their place. */
export function inFlags(message: string, flags: readonly Flag[]): string {
  return message.replace(/`(\w+)`/g, (word, name) => {
    const flag = flags.find(({ key }) => key === name);
    return flag ? longFlag(flag.info.flag) : word;
  });
}

/** An event, with its message so. */
export function eventInFlags(event: TrainingEvent, flags: readonly Flag[]): TrainingEvent {
  if (event.type !== 'notice' && event.type !== 'warning' && event.type !== 'advice') return event;
  return { ...event, message: inFlags(event.message, flags) };
}
