/** The URL of a PostgreSQL database. */
import { OptionError } from '../../errors.ts';

/** @throws {OptionError} for anything but a PostgreSQL URL */
export function checkDatabaseUrl(url: string): void {
  if (/^postgres(ql)?:\/\//.test(url) && URL.canParse(url)) return;
  throw new OptionError(
    'database',
    `got ${JSON.stringify(hidePassword(url))}, expected postgres://USER:PASSWORD@HOST/DATABASE`,
  );
}

/** A URL without its password, for messages, which may end up in a log. */
export function hidePassword(url: string): string {
  return url.replace(/^([^:/]+:\/\/[^:@/]*):[^@]*@/, '$1:***@').replace(/([?&]password=)[^&]*/, '$1***');
}

/** The name of the database, for a message. */
export function databaseOf(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1)) || 'DATABASE';
}

/** The user, for a message. */
export function userOf(url: string): string {
  const { username, searchParams } = new URL(url);
  return decodeURIComponent(username) || searchParams.get('user') || 'USER';
}
