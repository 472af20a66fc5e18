/** Which origins the option for cross-origin requests takes. */

/** Any page. */
export const ANY_ORIGIN = '*';
export const ORIGIN_EXPECTED = 'an origin such as https://example.com, or * for all';

/** Whether a value of the option is `*`, or a scheme, a host and perhaps a port. */
export function isOrigin(text: string): boolean {
  return text === ANY_ORIGIN || /^[a-z][a-z\d+.-]*:\/\/[^/?#@\s]+\/?$/i.test(text);
}
