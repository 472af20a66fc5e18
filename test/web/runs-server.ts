/** `char-rnn ui` for the tests of its pages. */
import type { Page } from 'playwright-core';
import { openPort } from '../../src/server/http/listen.node.ts';
import { Access } from '../../src/ui/server/access.ts';
import { createUiServer } from '../../src/ui/server/ui-server.node.ts';
import type { OpenBrowser } from './site.ts';

export const TOKEN = 'ThisIsTheTokenOfTheTest_';

export interface ServedRuns {
  /** The address that the program prints. */
  readonly address: string;
  /** Makes the server go away, and gives its port. */
  readonly stop: () => Promise<number>;
}

export interface ServedFolders {
  /** Where the pages are opened. They are closed before the server. */
  readonly browser: OpenBrowser;
  readonly folders: readonly string[];
  /** The folder of the built pages. */
  readonly pages: string;
  /** Default: any. */
  readonly port?: number;
}

/** Serves folders until `use` has ended. */
export async function withServer(
  { browser, folders, pages, port: wanted = 0 }: ServedFolders,
  use: (served: ServedRuns) => Promise<void>,
): Promise<void> {
  const port = await openPort({ port: wanted });
  const number = Number(new URL(port.url).port);
  const access = new Access(number, [], TOKEN);
  const listening = port.serve(createUiServer({ folders, access, pages }));
  let stopped: Promise<unknown> | undefined;
  const stop = async () => {
    stopped ??= listening.close(0);
    await stopped;
    return number;
  };
  try {
    await use({ address: `${port.url}/#token=${TOKEN}`, stop });
  } finally {
    await browser.closePages();
    await stop();
  }
}

/** The row of a run in the table. @param name As it is shown. */
export function rowOf(page: Page, name: string) {
  return page.locator('tr').filter({ has: page.getByRole('link', { name, exact: true }) });
}
