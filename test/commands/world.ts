/**
 * A folder in which every command line of the documentation works as typed. It has the files that the pages mention, and a finished run in cv/.
 * On its PATH, `char-rnn`, `npx char-rnn` and `curl` run the real programs, but trainings end after a few iterations, and servers listen on
 * a free port and end with the test. One process runs most of the lines (`resident.mjs`).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { program, root } from '../cli/command.ts';
import { type Resident, startResident } from './start-resident.ts';

const WORDS =
  'call me the whale and sea of ship captain water dark light wind old rope sail I we was not with his all but from Ishmael'.split(
    ' ',
  );
/** Every printable ASCII character, so that the models know all characters of the prompts in the pages. */
const ASCII = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join('');

/** As in docs/sweeps.md, but with the batches of a short text. */
const SWEEP = `text: book.txt
trials: 4
parameters:
  rnn_size: { values: [8, 16] }
  dropout: { min: 0, max: 0.5 }
`;

export interface World {
  /** Runs lines as one bash script in the folder. It ends at the first line that fails, which it prints on standard error. */
  run(lines: readonly string[]): Promise<Finished>;
  /** Copies all files. Returns a function that restores them at the same paths, because runs record the paths of their texts. */
  snapshot(): () => void;
  remove(): void;
}

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Creates the folder and trains the runs in it, which takes some seconds. */
export async function makeWorld(): Promise<World> {
  const base = mkdtempSync(join(tmpdir(), 'char-rnn-world-'));
  const folder = join(base, 'work');
  mkdirSync(folder);
  const write = (name: string, content: string | Uint8Array) => writeFileSync(join(folder, name), content);
  write('sweep.yaml', SWEEP);
  const names = Array.from({ length: 600 }, (_, i) => `${pick(i)}${pick(i * 3 + 1)}`).join('\n');
  write('book.txt', prose(1, 40_000));
  const texts = ['poems.txt', 'other.txt', 'old.txt', 'held-out.txt', 'a.txt', 'notes.md', 'more.md'];
  for (const name of [...texts, 'moby-dick.txt', 'mime.xml', 'sqlite.c'])
    write(name, prose(name.length, 12_000));
  write('names.txt', `${names}\n`);
  const mails = Array.from({ length: 60 }, (_, i) => prose(i, 300)).join('\n---\n');
  write('mails.txt.gz', gzipSync(mails));
  write('b.txt.gz', gzipSync(prose(5, 12_000)));
  mkdirSync(join(folder, 'mails'));
  mkdirSync(join(folder, 'src'));
  const rows = Array.from({ length: 300 }, (_, i) => `${i},"${prose(i, 200).slice(96, -1)}"`);
  write('table.csv', ['id,text', ...rows].join('\n'));
  mkdirSync(join(folder, 'texts'));
  write('texts/poems.txt', prose(3, 12_000));
  write('mails/1.txt', mails);
  write('mails/2.txt', mails);
  write('src/a.ts', prose(8, 12_000));
  cpSync(join(root, 'test/fixtures/original/checkpoints/lstm16x2.t7'), join(folder, 'old.t7'));
  cpSync(join(root, 'examples'), join(folder, 'examples'), { recursive: true });
  const resident = await startResident(join(dirname(program), 'run-program.js'));
  makePrograms(base, resident.port);
  const world = worldAt(base, folder, resident);
  await mustRun(world, [
    'char-rnn train book.txt -eval_val_every 5 -max_iterations 10',
    'char-rnn train names.txt -eval_val_every 60 -max_iterations 60 -checkpoint_dir names -learning_rate 0.01',
    'cp -L names/best.safetensors names.safetensors',
  ]);
  return world;
}

async function mustRun(world: World, lines: readonly string[]): Promise<void> {
  const { code, stderr } = await world.run(lines);
  if (code !== 0) throw new Error(`the folder could not be set up:\n${stderr}`);
}

function worldAt(base: string, folder: string, resident: Resident): World {
  return {
    run: (lines) => runScript(base, lines, folder),
    snapshot() {
      const kept = mkdtempSync(join(base, 'kept-'));
      const files = { recursive: true, verbatimSymlinks: true, preserveTimestamps: true };
      cpSync(folder, kept, files);
      return () => {
        rmSync(folder, { recursive: true, force: true });
        cpSync(kept, folder, files);
      };
    },
    remove() {
      resident.stop();
      rmSync(base, { recursive: true, force: true });
    },
  };
}

/** Time limit for a block of lines, in milliseconds. */
const TIME_LIMIT = 120_000;

async function runScript(base: string, lines: readonly string[], cwd: string): Promise<Finished> {
  const failed = `trap 'echo "[failed] $BASH_COMMAND" >&2' ERR`;
  const start = 'export SCRIPT=$$';
  // Programs that lines started in the background have to succeed too.
  const end = 'for job in $(jobs -p); do wait "$job"; done';
  const [stdout, stderr] = [join(base, 'stdout'), join(base, 'stderr')];
  const files = [stdout, stderr].map((path) => {
    rmSync(path, { force: true });
    return openSync(path, 'a');
  });
  const child = spawn('bash', ['-c', ['set -e -o pipefail', failed, start, ...lines, end, ''].join('\n')], {
    cwd,
    detached: true,
    stdio: ['ignore', ...files],
    env: {
      ...process.env,
      PATH: `${join(base, 'bin')}:${process.env.PATH}`,
      HOME: join(base, 'home'),
      XDG_CACHE_HOME: join(base, 'cache'),
      SERVER: join(cwd, '.server'),
      NO_COLOR: '1',
    },
  });
  files.forEach(closeSync);
  // Servers started by the lines are in the process group of the script.
  const killAll = () => {
    try {
      if (child.pid) process.kill(-child.pid, 'SIGKILL');
    } catch {}
  };
  const timer = setTimeout(killAll, TIME_LIMIT);
  const [code] = await once(child, 'exit');
  clearTimeout(timer);
  killAll();
  return { code, stdout: readFileSync(stdout, 'utf8'), stderr: readFileSync(stderr, 'utf8') };
}

function makePrograms(base: string, port: number): void {
  const bin = join(base, 'bin');
  const real = join(base, 'real');
  mkdirSync(bin);
  mkdirSync(real);
  // The program prints the name of the link by which it was started.
  symlinkSync(program, join(real, 'char-rnn'));
  symlinkSync(program, join(real, 'char-rnn-ts'));
  const script = (name: string, text: string) => {
    writeFileSync(join(bin, name), `#!/bin/bash\n${text}`);
    chmodSync(join(bin, name), 0o755);
  };
  for (const name of ['char-rnn', 'char-rnn-ts']) script(name, wrapper(base, join(real, name), port));
  script('npx', '[ "$1" = -y ] && shift\nnpm_command=exec exec "$@"\n');
  script(
    'curl',
    `words=()
for word; do words+=("$(sed -E "s#(127\\.0\\.0\\.1|localhost):[0-9]+#127.0.0.1:$(cat "$SERVER")#" <<<"$word")"); done
exec /usr/bin/curl -fsS "\${words[@]}"
`,
  );
}

/**
 * A script that runs the program with flags for a short run: in front, so that typed flags override them, or at the end if none was typed.
 *
 * The resident process runs it, unless it reads a pipe, runs in the background of the shell or was started by another program.
 */
function wrapper(base: string, real: string, port: number): string {
  return `has() { local word; for word in "\${words[@]}"; do [[ "\${word//-/_}" =~ ^__?($1)(=|$) ]] && return 0; done; return 1; }
run() {
  [ "$PPID" = "$SCRIPT" ] && [ /dev/stdin -ef /dev/null ] && [ /dev/stderr -ef ${base}/stderr ] || exec node ${real} "$@"
  local name code variables=() output=${base}/stdout
  # A pipe or a file gets the output as a whole.
  [ /dev/stdout -ef $output ] || output=${base}/stdout.$$
  while read -r name; do variables+=("$name=\${!name}"); done < <(compgen -e)
  local fields=("$PWD" $output ${base}/stderr \${#variables[@]} "\${variables[@]}" ${real} "$@")
  exec 3<>/dev/tcp/127.0.0.1/${port}
  printf '%s\\0' \${#fields[@]} "\${fields[@]}" >&3
  read -r code <&3
  [ $output = ${base}/stdout ] || cat $output || exit
  exit "\${code:-70}"
}
command=$1; shift; words=("$@")
has 'help|h' && run "$command" "$@"
case "$command" in
train)
  # Several threads would spend more time waiting for each other than these small models take.
  front=(--threads 1 --baseline false)
  has 'resume|config|init_from' || front+=(-rnn_size 16 -batch_size 10 -seq_length 20)
  # The models whose size is typed or chosen are larger.
  has 'rnn_size|hidden|preset|time' && iterations=2 || iterations=12
  has 'max_iterations' || words+=(--max-iterations $iterations)
  run train "\${front[@]}" "\${words[@]}" ;;
sweep)
  # Few trials, each of a few iterations.
  if [ "$1" = run ]; then
    for at in "\${!words[@]}"; do [[ "\${words[at]}" =~ ^[0-9]+$ && "\${words[at-1]}" = --trials ]] && words[at]=4; done
    [[ "$*" == *max-iterations=* || "$*" == *+* ]] || words+=(--try max-iterations=12)
    [[ "$*" == *+* || "$*" == *batch-size=* ]] || words+=(--try batch-size=10 --try seq-length=20)
  fi
  run sweep "\${words[@]}" ;;
doctor)
  # It takes seconds and reads nothing in the folder: the same words run once, and their output is kept.
  kept="${base}/doctor \${words[*]}"
  [ -e "$kept" ] || { node ${real} doctor "\${words[@]}" --seconds 0.1 >"$kept.new" && mv "$kept.new" "$kept"; } || exit
  cat "$kept" ;;
serve|ui)
  [[ "$*" == *--export* ]] && { run "$command" "$@"; exit; }
  # Each server has files of its own: those of an earlier one name another port.
  said=.serve-$$
  node ${real} "$command" "$@" --port 0 >"$said".out 2>"$said".err </dev/null &
  until port=$(grep -ohsE '(127\\.0\\.0\\.1|localhost|\\[::1?\\]|0\\.0\\.0\\.0):[0-9]+' "$said".out "$said".err | head -1 | grep -oE '[0-9]+$'); do
    kill -0 $! 2>/dev/null || { cat "$said".err >&2; exit 1; }
    sleep 0.05
  done
  # The first server of a page answers its requests; \`ui\` answers no program's.
  [ "$command" = ui ] || [ -s "$SERVER" ] || echo "$port" >"$SERVER" ;;
*) run "$command" "$@" ;;
esac
`;
}

function prose(seed: number, length: number): string {
  let text = `${ASCII}\n`;
  for (let i = 0; text.length < length; i++) text += `${pick(seed + i * i)}${i % 11 === 10 ? '.\n' : ' '}`;
  return text.slice(0, length - 1).concat('\n');
}

function pick(at: number): string {
  return WORDS[((at * 2654435761) >>> 7) % WORDS.length] as string;
}
