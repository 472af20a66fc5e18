/** A PostgreSQL server of its own, with a database in a temporary folder. It needs the programs of Debian's package `postgresql`. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../../../src/sweep/postgres/connection.node.ts';

const VERSIONS = '/usr/lib/postgresql';

export interface PostgresServer {
  readonly url: string;
  start(): Promise<void>;
  /** As a power cut does. */
  kill(): Promise<void>;
  /** Ends the server, and removes its database. */
  remove(): Promise<void>;
}

/** Why tests with a server can't run here; false if they can. */
export const skipWithoutPostgres: string | false = await reason();

async function reason(): Promise<string | false> {
  if (binaries() === undefined) return 'PostgreSQL is not installed';
  if (isRoot() && ownerOf() === undefined) return 'PostgreSQL does not run as root';
  for (const name of ['pg-boss', 'pg']) {
    try {
      await import(name);
    } catch {
      return `the package ${name} is not installed`;
    }
  }
  return false;
}

/** The folder of initdb and postgres, which Debian keeps out of the path. */
function binaries(): string | undefined {
  if (!existsSync(VERSIONS)) return undefined;
  const folders = readdirSync(VERSIONS).map((version) => join(VERSIONS, version, 'bin'));
  return folders.find((folder) => existsSync(join(folder, 'postgres')));
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** The user as whom the server runs if this process has root's rights, which the server refuses. */
function ownerOf(): { readonly uid: number; readonly gid: number } | undefined {
  try {
    const [uid, gid] = ['-u', '-g'].map((flag) =>
      Number(
        execFileSync('id', [flag, 'postgres'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
      ),
    );
    return uid === undefined || gid === undefined ? undefined : { uid, gid };
  } catch {
    return undefined;
  }
}

/** Starts a server. */
export async function startPostgres(): Promise<PostgresServer> {
  const bin = binaries() ?? '';
  const owner = isRoot() ? ownerOf() : undefined;
  const folder = mkdtempSync(join(tmpdir(), 'char-rnn-postgres-'));
  if (owner) chownSync(folder, owner.uid, owner.gid);
  const data = join(folder, 'data');
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const own = { cwd: folder, ...owner };
  execFileSync(join(bin, 'initdb'), ['-D', data, '-A', 'trust', '-U', 'postgres', '-E', 'UTF8'], {
    ...own,
    stdio: 'ignore',
  });
  let server: ChildProcess | undefined;
  const settings = [`listen_addresses=127.0.0.1`, `unix_socket_directories=${folder}`, 'max_connections=200'];
  const words = settings.flatMap((setting) => ['-c', setting]);
  const kill = async () => {
    const running = server;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const ended = new Promise((resolve) => running.once('close', resolve));
    running.kill('SIGKILL');
    await ended;
  };
  const start = async () => {
    for (let attempt = 0; ; attempt++) {
      server = spawn(join(bin, 'postgres'), ['-D', data, '-p', String(port), ...words], {
        ...own,
        stdio: 'ignore',
      });
      if (await isReady(bin, port, server)) return;
      // After a kill, its processes may still hold its memory for a moment.
      if (attempt > 20) throw new Error('PostgreSQL does not start');
      await sleep(500);
    }
  };
  await start();
  return {
    ...{ url, start, kill },
    async remove() {
      await kill();
      rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
    },
  };
}

async function isReady(bin: string, port: number, server: ChildProcess): Promise<boolean> {
  for (let attempt = 0; attempt < 150; attempt++) {
    if (server.exitCode !== null || server.signalCode !== null) return false;
    try {
      execFileSync(join(bin, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
      return true;
    } catch {
      await sleep(200);
    }
  }
  return false;
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

/** A new database of a server. */
export async function newDatabase(server: PostgresServer, name: string): Promise<string> {
  const connection = await connect(server.url);
  try {
    await connection.pool.query(`CREATE DATABASE ${name}`);
  } finally {
    await connection.close();
  }
  return server.url.replace(/\/postgres$/, `/${name}`);
}
