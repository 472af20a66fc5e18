/**
 * Every command that a message suggests, run as typed.
 *
 * Each case provokes messages in a folder with texts and runs; then each command line in them is run in a copy of that folder. The
 * last test holds that no suggestion of the sources is missing here.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { shellWord } from '../../src/cli/arguments/program-name.ts';
import { root } from '../cli/command.ts';
import { filled } from './extract.ts';
import { makeWorld } from './world.ts';

interface Case {
  readonly what: string;
  /** Lines that make the situation; they succeed. */
  readonly given?: readonly string[];
  /** The line whose messages are looked at. */
  readonly line: string;
  /** Suggestions there are at least. */
  readonly suggestions?: number;
}

/**
 * Starts a training that is under way until the script ends. It is stopped there, so that it takes no time of the processor, and is not a
 * job of the shell, which would wait for its end.
 */
const underWay = (words: string, folder: string) =>
  `char-rnn train ${words} -max_iterations 1000000 >/dev/null 2>&1 & until ls ${folder}/.training-*.lock >/dev/null 2>&1; do sleep 0.1; done; kill -STOP $!; disown`;

/** A text that is learned in a few iterations. */
const SHORT = 'head -c 3000 poems.txt > short.txt';

const CASES: readonly Case[] = [
  {
    what: 'statistics of a model without a training state',
    given: ['char-rnn convert cv plain.safetensors --precision float64'],
    line: 'char-rnn eval plain.safetensors other.txt --dynamic --precision float32 --save-statistics',
    suggestions: 1,
  },
  {
    what: 'statistics for a file of another program',
    line: 'char-rnn eval old.t7 other.txt --dynamic --precision float32 --statistics-text book.txt --save-statistics',
    suggestions: 1,
  },
  { what: 'a fitted temperature', line: 'char-rnn eval cv --fit-temperature', suggestions: 1 },
  { what: 'a run with a preset', line: 'char-rnn train poems.txt --time 1s', suggestions: 3 },
  { what: 'a run that ends', line: 'char-rnn train poems.txt', suggestions: 2 },
  {
    what: 'a run with a space in its paths',
    given: ['cp book.txt "my book.txt"'],
    line: 'char-rnn train "my book.txt" -checkpoint_dir "my runs"',
    suggestions: 2,
  },
  {
    what: 'a run that is interrupted',
    line: 'char-rnn train book.txt -max_epochs 100000 -max_iterations 1000000 >log 2>&1 & until grep -q ^9/ log; do sleep 0.1; done; kill -INT $!; wait $! || [ $? = 130 ]; cat log',
    suggestions: 2,
  },
  { what: 'a run that is at its end', line: 'char-rnn train --resume --max-iterations 10', suggestions: 1 },
  { what: 'a unit that does not exist', line: 'char-rnn eval cv other.txt --unit 9.9', suggestions: 1 },
  { what: 'no sweep', line: 'char-rnn sweep status', suggestions: 1 },
  {
    what: 'a sweep that ends',
    line: 'char-rnn sweep run book.txt --try rnn-size=8,16 --try max-iterations=2',
    suggestions: 1,
  },
  {
    what: 'a sweep of the same name',
    given: ['char-rnn sweep run book.txt --try rnn-size=8,16 --try max-iterations=2'],
    line: 'char-rnn sweep run poems.txt --name book --try rnn-size=8,16 --try max-iterations=2',
    suggestions: 2,
  },
  {
    what: 'trials of a sweep in a list',
    given: ['char-rnn sweep run book.txt --try rnn-size=8,16 --try max-iterations=2'],
    line: 'char-rnn ls .',
    suggestions: 1,
  },
  {
    what: 'the copy of the best model of a sweep, where a folder is in the way',
    given: [
      'char-rnn sweep run book.txt --try rnn-size=8,16 --try max-iterations=2',
      'mkdir -p sweeps/book/best.safetensors/in-the-way',
    ],
    line: 'char-rnn sweep best',
    suggestions: 1,
  },
  { what: 'no text', line: 'char-rnn train' },
  { what: 'a text that is missing', line: 'char-rnn train bok.txt' },
  { what: 'a flag that is misspelt', line: 'char-rnn train book.txt -rnn_sise 9' },
  { what: 'a command that is misspelt', line: 'char-rnn trian book.txt', suggestions: 1 },
  { what: 'a value that does not fit', line: 'char-rnn train book.txt -dropout 2', suggestions: 1 },
  {
    what: 'a text that is too short',
    given: ['head -c 60 book.txt > tiny.txt'],
    line: 'char-rnn train tiny.txt',
    suggestions: 1,
  },
  {
    what: 'nothing left to train on',
    given: ['head -c 500 book.txt > tiny.txt'],
    line: 'char-rnn train tiny.txt -train_frac 0.05 -val_frac 0.5',
  },
  {
    what: 'UTF-8 with a damaged character',
    given: [
      `printf 'Привет мир, это текст. %.0s' $(seq 300) > cyr.txt; printf '\\xd0' >> cyr.txt; cat cyr.txt book.txt > bad.txt`,
    ],
    line: 'char-rnn train bad.txt',
    suggestions: 2,
  },
  {
    what: 'a file of NULs',
    given: ['cat book.txt <(head -c 9 /dev/zero) book.txt > nul.bin'],
    line: 'char-rnn train nul.bin',
    suggestions: 1,
  },
  {
    what: 'a wrong encoding',
    given: [`printf '\\xff\\xff\\xff\\xff' > x.txt; cat book.txt >> x.txt`],
    line: 'char-rnn train x.txt --encoding shift_jis',
  },
  { what: 'a checkpoint as a text', line: 'char-rnn train cv/best.safetensors', suggestions: 2 },
  {
    what: 'files that are no texts, with --strict',
    given: ['mkdir mixed; cp book.txt mixed; head -c 9000 /dev/zero > mixed/a.bin'],
    line: 'char-rnn train mixed --strict',
    suggestions: 1,
  },
  {
    what: 'characters that a validation text adds',
    given: ['printf "žluťoučký kůň\\n%.0s" $(seq 100) > czech.txt'],
    line: 'char-rnn train book.txt --valid czech.txt',
    suggestions: 1,
  },
  {
    what: 'another text for a model',
    given: ['printf "žluťoučký kůň\\n%.0s" $(seq 900) > czech.txt'],
    line: 'char-rnn train czech.txt -init_from cv/best.safetensors',
    suggestions: 1,
  },
  {
    what: 'another text for a run',
    line: 'char-rnn train poems.txt --resume cv/last.safetensors',
    suggestions: 1,
  },
  {
    what: 'a text that has changed',
    given: ['echo more >> book.txt'],
    line: 'char-rnn train --resume --max-iterations 20',
    suggestions: 1,
  },
  {
    what: 'a text that has changed, for eval',
    given: ['echo more >> book.txt'],
    line: 'char-rnn eval cv',
    suggestions: 1,
  },
  {
    what: 'a text that was moved',
    given: ['mkdir away; mv book.txt away/'],
    line: 'char-rnn train --resume --max-iterations 20',
  },
  {
    what: 'a text that was renamed',
    given: ['mv book.txt novel.txt'],
    line: 'char-rnn train --resume --max-iterations 20',
    suggestions: 1,
  },
  {
    what: 'a text that was renamed, for eval',
    given: ['mv book.txt novel.txt'],
    line: 'char-rnn eval cv',
    suggestions: 1,
  },
  {
    what: 'another shape of the model on --resume',
    line: 'char-rnn train --resume cv -rnn_size 99',
    suggestions: 2,
  },
  {
    what: 'a model without a training state',
    given: ['char-rnn convert cv/best.safetensors bare.npz'],
    line: 'char-rnn train --resume bare.npz',
    suggestions: 1,
  },
  {
    what: 'a model without a training state, with a text',
    given: ['char-rnn convert cv/best.safetensors bare.npz'],
    line: 'char-rnn train book.txt --resume bare.npz',
    suggestions: 1,
  },
  {
    what: 'a folder of such models',
    given: ['mkdir bare; char-rnn convert cv/best.safetensors bare/m.safetensors --to pytorch'],
    line: 'char-rnn train book.txt --resume bare',
  },
  {
    what: 'a folder without a run',
    given: ['mkdir empty'],
    line: 'char-rnn train --resume empty',
    suggestions: 1,
  },
  {
    what: 'a newest checkpoint that is cut',
    given: ['f=$(readlink -f cv/last.safetensors); head -c 3000 "$f" > cut; cp cut "$f"'],
    line: 'char-rnn train --resume cv/last.safetensors --max-iterations 20',
  },
  {
    what: 'a run on standard input, whose text is gone',
    given: ['char-rnn train - -checkpoint_dir piped < poems.txt', 'rm -rf "$XDG_CACHE_HOME"'],
    line: 'char-rnn train --resume piped --max-iterations 20',
  },
  {
    what: 'a loss that explodes',
    line: 'char-rnn train book.txt -learning_rate 9000 -retries 1',
    suggestions: 1,
  },
  {
    what: 'a loss that explodes, without retries',
    line: 'char-rnn train book.txt -learning_rate 9000 -on_explosion stop',
    suggestions: 1,
  },
  {
    what: 'another precision with --resume',
    line: 'char-rnn train --resume cv --precision float64',
    suggestions: 1,
  },
  {
    what: 'a run that another training has',
    line: `${underWay('--resume cv --eval-val-every 1000000', 'cv')}; char-rnn train --resume cv --max-iterations 14`,
    suggestions: 1,
  },
  {
    what: 'an unknown character in a prompt',
    line: 'char-rnn sample cv -primetext "ž" --unknown error',
    suggestions: 2,
  },
  { what: 'a checkpoint that is missing', line: 'char-rnn sample cv/bset.safetensors' },
  {
    what: 'no checkpoint at all',
    given: ['mkdir none; cd none'],
    line: 'char-rnn sample x.safetensors',
    suggestions: 1,
  },
  { what: 'sample without a model', line: 'char-rnn sample' },
  { what: 'eval without a model', line: 'char-rnn eval' },
  {
    what: 'eval of a part of a model without a text',
    given: ['char-rnn convert cv/best.safetensors bare.npz'],
    line: 'char-rnn eval bare.npz',
  },
  { what: 'eval of a part that has no batch', line: 'char-rnn eval cv --part test', suggestions: 1 },
  { what: 'all of a text that is not named', line: 'char-rnn eval cv --part all' },
  { what: 'completions for no shell', line: 'char-rnn completions', suggestions: 1 },
  { what: 'a text in place of a command', line: 'char-rnn book.txt', suggestions: 2 },
  { what: 'a checkpoint in place of a command', line: 'char-rnn cv/best.safetensors', suggestions: 2 },
  { what: 'compare with one model', line: 'char-rnn compare cv book.txt' },
  { what: 'complete without a model', line: 'char-rnn complete' },
  { what: 'inspect without a model', line: 'char-rnn inspect' },
  { what: 'serve without a model', line: 'char-rnn serve', suggestions: 1 },
  { what: 'convert with one name', line: 'char-rnn convert cv/best.safetensors', suggestions: 1 },
  {
    what: 'convert without a format',
    line: 'char-rnn convert cv/best.safetensors model.bin',
    suggestions: 1,
  },
  {
    what: 'convert onto a file',
    given: ['cp old.t7 there.npz'],
    line: 'char-rnn convert cv/best.safetensors there.npz',
    suggestions: 1,
  },
  { what: 'convert from another format', line: 'char-rnn convert cv/best.safetensors a.npz --from t7' },
  {
    what: 'a gru that PyTorch does not have',
    given: ['char-rnn train poems.txt -model gru -checkpoint_dir g'],
    line: 'char-rnn convert g/last.safetensors g.safetensors --to pytorch',
    suggestions: 1,
  },
  {
    what: 'a Python module of the wrong form',
    line: 'char-rnn convert cv/best.safetensors a.npz --as-module',
  },
  {
    what: 'average without a name',
    line: 'char-rnn average cv/best.safetensors cv/last.safetensors',
    suggestions: 1,
  },
  {
    what: 'average onto a file',
    given: ['cp old.t7 there.npz'],
    line: 'char-rnn average cv/best.safetensors cv/last.safetensors -o there.npz',
  },
  {
    what: 'convert to a type of numbers that NumPy lacks',
    line: 'char-rnn convert cv/best.safetensors a.npz --precision bfloat16',
    suggestions: 1,
  },
  {
    what: 'convert to int8 in half precision',
    line: 'char-rnn convert cv/best.safetensors q.safetensors --quantize int8 --precision float16',
    suggestions: 1,
  },
  {
    what: 'convert to half precision for the original',
    line: 'char-rnn convert cv/best.safetensors a.t7 --precision float16',
    suggestions: 1,
  },
  {
    what: 'a GPU where there is none',
    line: 'VK_DRIVER_FILES=/nonexistent.json char-rnn sample cv --engine webgpu -length 9',
    suggestions: 1,
  },
  {
    what: 'an engine in a precision that it lacks',
    line: 'char-rnn sample cv --engine wasm --precision float64 -length 9',
    suggestions: 1,
  },
  { what: 'ls of a file', line: 'char-rnn ls cv/best.safetensors', suggestions: 1 },
  {
    what: 'one of many runs',
    given: ['for i in 2 3 4 5 6 7 8; do cp -R cv cv-$i; done'],
    line: 'char-rnn train --resume --max-iterations 4',
    suggestions: 2,
  },
  {
    what: 'a run without a validation split that ends',
    line: 'char-rnn train poems.txt -train_frac 1 -val_frac 0',
    suggestions: 2,
  },
  {
    what: 'a folder that another training writes to',
    line: `${underWay('book.txt -checkpoint_dir busy', 'busy')}; char-rnn train book.txt -checkpoint_dir busy -savefile other`,
    suggestions: 2,
  },
  {
    what: 'convert from a format that the file is not',
    line: 'char-rnn convert cv/best.safetensors a.npz --from onnx',
    suggestions: 1,
  },
  {
    what: 'a run that overfits',
    given: [SHORT],
    line: 'char-rnn train short.txt --valid names.txt -rnn_size 16 -eval_val_every 14 -max_iterations 150 -learning_rate 0.02 -print_every 1000',
    suggestions: 4,
  },
  {
    what: 'a run that does not move',
    given: [SHORT],
    line: 'char-rnn train short.txt -eval_val_every 14 -max_iterations 100 -learning_rate 0.0000001 -print_every 1000',
    suggestions: 3,
  },
  {
    what: 'a run that underfits',
    given: [SHORT],
    line: 'char-rnn train short.txt -rnn_size 4 -eval_val_every 14 -max_iterations 100 -learning_rate 0.01 -learning_rate_decay 0.001 -learning_rate_decay_after 2 -print_every 1000',
    suggestions: 3,
  },
  {
    what: 'a run on a plateau',
    given: [SHORT],
    line: 'char-rnn train short.txt --valid names.txt -rnn_size 8 -eval_val_every 14 -max_iterations 100 -learning_rate 0.01 -learning_rate_decay 0.001 -learning_rate_decay_after 2 -print_every 1000',
    suggestions: 3,
  },
  {
    what: 'a column of a table that has changed',
    given: [
      'char-rnn train table.csv --field text -checkpoint_dir table',
      `sed -i 's/whale/wharf/' table.csv`,
    ],
    line: 'char-rnn train --resume table --max-iterations 20',
    suggestions: 1,
  },
  { what: 'a field that there is not', line: 'char-rnn train table.csv --field txet', suggestions: 1 },
];

/** Suggestions that no case here can provoke, with the reason. */
const NOT_HERE: readonly { readonly text: RegExp; readonly reason: string }[] = [
  {
    text: /^(Install a compiler|built\. To measure it|.*To build it)/,
    reason: 'machines without an add-on or compiler: test/engine',
  },
  {
    text: /^To continue from the last checkpoint that was saved/,
    reason: 'a run whose last checkpoint cannot be saved: test/train/train.test.ts',
  },
  { text: /^Once that is solved, continue the sweep/, reason: 'a full disk: test/sweep/worker.test.ts' },
  { text: /^Colour a text by one of them/, reason: 'a model with labelled units: test/cli/units.test.ts' },
  {
    text: /^To see its progress/,
    reason: 'a sweep whose first trial has not ended: test/cli/sweep.test.ts',
  },
  {
    text: /^The fastest engine that works/,
    reason: 'an add-on that cannot be loaded: test/engine; a page: test/browser',
  },
  {
    text: /^(To use the first|The GPU that the browser chooses|char-rnn doctor$)/,
    reason: 'a GPU: test/cli/gpu-flags.test.ts, test/engine/webgpu/devices.test.ts',
  },
  {
    text: /^The reference engine needs no WebAssembly/,
    reason: 'a process without WebAssembly: test/engine',
  },
  { text: /^To compute in float32/, reason: 'a model of over a million parameters: test/cli' },
  {
    text: /^Keep the numbers as they are|^bfloat16 holds it/,
    reason: 'parameters beyond a precision: test/formats',
  },
  {
    text: /^To (take any free port|take a port|listen on this machine)/,
    reason: 'ports that are taken or forbidden: test/cli/serve.test.ts',
  },
  {
    text: /^To train on another text from (these|its) weights/,
    reason: 'a text given to the library: test/train',
  },
  {
    text: /^With (half the learning rate|a limit on the gradient)/,
    reason: 'a loss that rises for hundreds of iterations without exploding: test/train/advice.test.ts',
  },
  {
    text: /^With (about one parameter per character|dropout)/,
    reason: 'data for programs, which the command line has in a sentence: test/train/advice.test.ts',
  },
  {
    text: /^With fewer (hidden units|rows), it fits/,
    reason: 'a run that fills the memory of the machine: test/model/memory.test.ts',
  },
  {
    text: /^To (compute on the CPU|continue from there)/,
    reason: 'a GPU that is too small or lost: test/model/memory.test.ts, test/train/go-on-after-loss.test.ts',
  },
  {
    text: /^(To start a second worker on this machine|its trials wait for workers|Copy it from there|To work on it)/,
    reason: 'sweeps in a database, and their workers: test/sweep/postgres/sweep-command.test.ts',
  },
  { text: /^To compute on a GPU/, reason: 'float16, which only a GPU computes: test/engine/webgpu' },
  {
    text: /^To compute with the weights as they are/,
    reason: 'weights that int8 can not hold: test/quantize.test.ts',
  },
  { text: /^Name it/, reason: 'checkpoints of earlier versions: test/train/run-inputs.test.ts' },
  {
    text: /^It came from standard input/,
    reason: 'a cache that was emptied: test/cli/text-commands.test.ts',
  },
];

const world = await makeWorld();
const restore = world.snapshot();
after(() => world.remove());
const all: string[] = [];

for (const { what, given = [], line, suggestions = 0 } of CASES) {
  test(`${what}: every suggested command works as printed`, async () => {
    restore();
    const before = await world.run(given);
    assert.equal(before.code, 0, before.stderr);
    const inside = given.findLast((one) => /\bcd \w+$/.test(one))?.match(/cd \w+$/)?.[0];
    const { stdout, stderr } = await world.run(inside ? [inside, line] : [line]);
    const output = stdout + stderr;
    all.push(output);
    const commands = commandsIn(output);
    assert.ok(commands.length >= suggestions, `${commands.length} suggestions in:\n${output.slice(-2000)}`);
    // The first command finds the files as the message's own command left them.
    const restoreSituation = commands.length > 1 ? world.snapshot() : undefined;
    for (const [index, command] of commands.entries()) {
      if (index > 0) restoreSituation?.();
      const result = await world.run(inside ? [inside, filled(command)] : [filled(command)]);
      assert.equal(
        result.code,
        0,
        `${command}\n${result.stdout.slice(-300)}\n${result.stderr.slice(-1500)}\nsuggested in:\n${output.slice(-1500)}`,
      );
    }
  });
}

/** Lines of a message that are commands: alone, or behind a colon. */
function commandsIn(output: string): string[] {
  const found = output.split('\n').flatMap((line) => {
    if (line.startsWith('[failed]')) return [];
    const command = /^(?:.*: )? *((?:\w+ .*\| )?char-rnn(?:-ts)? [a-z-].*)$/.exec(line)?.[1];
    return command ? [command.replace(/ {3,}.*$/, '')] : [];
  });
  return [...new Set(found)];
}

test('every suggestion of the sources is in a message above', () => {
  const output = all.join('\n');
  const missing = suggestionsOfSources().filter(
    ({ text }) => !output.includes(text) && !NOT_HERE.some((exception) => exception.text.test(text)),
  );
  assert.deepEqual(
    missing.map(({ file, text }) => `${file}: ${text}`),
    [],
  );
});

/** The words in front of each suggested command, as far as they are constant. */
function suggestionsOfSources(): { file: string; text: string }[] {
  return readdirSync(join(root, 'src'), { recursive: true })
    .map(String)
    .filter((name) => name.endsWith('.ts'))
    .flatMap((file) => {
      const code = readFileSync(join(root, 'src', file), 'utf8');
      const remedies = Array.from(
        code.matchAll(/text:\s*(?:`([^`]*)`|'([^']*)'|"([^"]*)"),\s*(?:set|command)\b/g),
        ([, a, b, c]) => a ?? b ?? c ?? '',
      );
      const notes = Array.from(code.matchAll(/`([^`$]*): \$\{commandLine\(/g), ([, text = '']) => text);
      // "For example" comes before many commands: here each is looked for itself.
      const commands = Array.from(code.matchAll(/command: \[((?:\s*'[^']*',?)+)\s*\]/g), ([, words = '']) =>
        commandOf(words),
      ).filter((command) => !command.includes('build-native'));
      return [...remedies, ...notes, ...commands].map((text) => ({ file, text: longestConstant(text) }));
    })
    .filter(({ text }) => text.length > 3);
}

/** A command as it is printed, from its words in the source. */
function commandOf(words: string): string {
  const all = Array.from(words.matchAll(/'([^']*)'/g), ([, word = '']) => shellWord(word));
  return ['char-rnn', ...all].join(' ');
}

function longestConstant(template: string): string {
  return template
    .split(/\$\{[^}]*\}/)
    .reduce((best, part) => (part.length > best.length ? part : best), '')
    .trim();
}
