/** Translates messages of the library, which name options, into messages that name flags. */
import type { TrainingEvent } from '../../train/events.ts';
import { type Flag, longFlag } from './flag-table.ts';

/** Replaces options in backticks by the flags of a command. */
export function inFlags(message: string, flags: readonly Flag[]): string {
  return message.replace(/`(\w+)`/g, (word, name) => {
    const flag = flags.find(({ key }) => key === name);
    return flag ? longFlag(flag.info.flag) : word;
  });
}

/** The same for the message of an event. */
export function eventInFlags(event: TrainingEvent, flags: readonly Flag[]): TrainingEvent {
  if (event.type !== 'notice' && event.type !== 'warning' && event.type !== 'advice') return event;
  return { ...event, message: inFlags(event.message, flags) };
}
