/** The URL of a PostgreSQL database. */
import { OptionError } from '../../errors.ts';

/** The port of a server whose URL names none. */
const DEFAULT_PORT = '5432';

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

/** Whether two URLs name the same database of the same server, whatever their users, passwords and settings. */
export function isSameDatabase(one: string, other: string): boolean {
  return URL.canParse(one) && URL.canParse(other) && placeOf(one) === placeOf(other);
}

/** Host, port and database, as the client reads them: settings after `?` replace the host and the port. */
function placeOf(url: string): string {
  const { hostname, port, pathname, searchParams } = new URL(url);
  const host = searchParams.get('host') ?? decodeURIComponent(hostname);
  const database = decodeURIComponent(pathname.slice(1)) || userOf(url);
  return JSON.stringify([host.toLowerCase(), searchParams.get('port') ?? (port || DEFAULT_PORT), database]);
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
