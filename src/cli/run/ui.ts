/** `char-rnn ui`: serves the pages until a signal arrives, or writes them to a folder. The address goes to standard output, messages to standard error. */
import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { CheckpointError, ListenError } from '../../errors.ts';
import { type OpenPort, openPort } from '../../server/http/listen.node.ts';
import { checkDatabaseUrl } from '../../sweep/postgres/database-url.ts';
import { SWEEPS } from '../../sweep/sweep-folder.node.ts';
import { exportSite } from '../../ui/export/export-site.node.ts';
import { Access } from '../../ui/server/access.ts';
import { createUiServer } from '../../ui/server/ui-server.node.ts';
import type { Sources } from '../../ui/sources.ts';
import { counted, formatBytes, formatCount } from '../../util/format.ts';
import { fileWord } from '../arguments/command-line.ts';
import type { CommandInput } from '../command.ts';
import { reportError } from '../report/report-error.ts';
import { note } from '../terminal/note.ts';
import { catchSignals } from '../terminal/signals.ts';
import { hasScreen, openBrowser } from './open-browser.ts';

export interface UiFlags {
  readonly port?: number | undefined;
  readonly noOpen: boolean;
  readonly allowHost: readonly string[];
  readonly database: readonly string[];
  readonly exportFolder?: string | undefined;
}

const HOST = '127.0.0.1';
const FIRST_PORT = 8090;
/** Ports that are tried if none was asked for. */
const PORTS = 20;
const DEFAULT_FOLDERS = ['cv', SWEEPS];
/** 144 bits, which need no padding in base64. */
const TOKEN_BYTES = 18;

export async function runUi({ positionals }: CommandInput, flags: UiFlags): Promise<number> {
  const folders = positionals.length > 0 ? positionals : DEFAULT_FOLDERS;
  for (const url of flags.database) checkDatabaseUrl(url);
  const sources: Sources = { folders, databases: flags.database };
  const missing = await checkFolders(folders);
  const expected = positionals.length > 0 ? missing : missing.filter((folder) => folder !== SWEEPS);
  return flags.exportFolder === undefined
    ? serve(sources, expected, flags)
    : write(sources, expected, flags.exportFolder);
}

/** The folders that do not exist. @throws {CheckpointError} for a file */
async function checkFolders(folders: readonly string[]): Promise<string[]> {
  const missing: string[] = [];
  for (const folder of folders) {
    const facts = await stat(folder).catch(() => undefined);
    if (!facts) missing.push(folder);
    else if (!facts.isDirectory()) {
      throw new CheckpointError('checkpoint-unreadable', `${folder} is a file, not a folder.`, {
        remedies: [{ text: 'To see what it holds', command: ['inspect', fileWord(folder)] }],
      });
    }
  }
  return missing;
}

async function serve(sources: Sources, missing: readonly string[], flags: UiFlags): Promise<number> {
  const port = await freePort(flags.port);
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  const access = new Access(Number(new URL(port.url).port || 80), flags.allowHost, token);
  const listening = port.serve(
    createUiServer({ ...sources, access, onError: (error) => void reportError(error) }),
  );
  const address = `${port.url}/#token=${token}`;
  process.stdout.write(`${address}\n`);
  for (const folder of missing)
    note(`there is no folder ${folder} yet: its runs will appear when there are some.`);
  note('Open this address in a browser on this machine; Ctrl-C ends the program.');
  if (!flags.noOpen && hasScreen()) openBrowser(address);
  await new Promise((resolve) => catchSignals(resolve));
  await listening.close(0);
  return 0;
}

/** The port that was asked for, or the first free one. @throws {ListenError} */
async function freePort(asked: number | undefined): Promise<OpenPort> {
  if (asked !== undefined) return openPort({ host: HOST, port: asked });
  for (let port = FIRST_PORT; port < FIRST_PORT + PORTS; port++) {
    try {
      return await openPort({ host: HOST, port });
    } catch (error) {
      if (!(error instanceof ListenError)) throw error;
    }
  }
  return openPort({ host: HOST, port: 0 });
}

async function write(sources: Sources, missing: readonly string[], target: string): Promise<number> {
  for (const folder of missing) note(`there is no folder ${folder}: the export will have no runs of it.`);
  const { runs, files, bytes } = await exportSite(sources, target);
  note(
    `wrote ${target}: the pages with ${counted(runs, 'run')}, ` +
      `${formatCount(files)} files, ${formatBytes(bytes)}. Any web host can serve this folder.`,
  );
  return 0;
}
