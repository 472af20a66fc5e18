/** The handler of `char-rnn ui`, asked without a port. */
import type { IncomingRequest } from '../../src/server/http/incoming-request.ts';
import { Access } from '../../src/ui/server/access.ts';
import { createUiServer, type UiServer, type UiServerInput } from '../../src/ui/server/ui-server.node.ts';

const TOKEN = 'ThisIsTheTokenOfTheTest.';

export function makeServer(input: Omit<UiServerInput, 'access'>): UiServer {
  return createUiServer({ ...input, access: new Access(80, [], TOKEN) });
}

/** @param path Below `api/`. */
export function askApi(
  server: UiServer,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
): Promise<Response> {
  const request = new Request(`http://127.0.0.1:80/api/${path}`, {
    ...{ method, headers: { host: '127.0.0.1:80', authorization: `Bearer ${TOKEN}`, ...headers } },
  });
  return server(request as unknown as IncomingRequest);
}
