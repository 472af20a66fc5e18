/** The command lines of a page of Markdown. */

export interface CommandBlock {
  /** The line of the page at which the block begins, from 1. */
  readonly at: number;
  readonly lines: readonly string[];
}

/** How a line begins that someone types into a shell. */
const COMMAND =
  /^(?:npx |node |nohup |setsid |cat |zcat |curl |npm |char-rnn(?:-ts)? |python3 |jq |echo |printf |sudo |apt|source |eval "|export |cd |mkdir |cp |mv )/;

/** Words in capitals that a reader replaces, and what this test puts there. */
const PLACEHOLDERS: Readonly<Record<string, string>> = {
  MODEL: 'cv/best.safetensors',
  CHECKPOINT: 'cv/best.safetensors',
  TEXT: 'book.txt',
  FOLDER: 'mails',
  IN: 'cv/best.safetensors',
  OUT: 'out.onnx',
};

/** Blocks that are indented by four spaces or fenced as a shell's, and commands within sentences. */
export function blocksOf(markdown: string): CommandBlock[] {
  const blocks: CommandBlock[] = [];
  const all = markdown.split('\n');
  for (let at = 0; at < all.length; at++) {
    const line = all[at] as string;
    const fence = /^```(\w*)/.exec(line);
    if (fence) {
      const end = all.indexOf('```', at + 1);
      if (['', 'sh', 'bash', 'shell', 'console'].includes(fence[1] ?? ''))
        add(blocks, at + 2, all.slice(at + 1, end));
      at = end;
    } else if (/^ {4}\S/.test(line)) {
      const start = at;
      while (/^ {4}/.test(all[at + 1] ?? '')) at++;
      add(
        blocks,
        start + 1,
        all.slice(start, at + 1).map((text) => text.slice(4)),
      );
    } else if (!line.startsWith('#')) {
      for (const [, code = ''] of line.matchAll(/`((?:npx )?char-rnn(?:-ts)? [a-z-]+ [^`[]+)`/g)) {
        add(blocks, at + 1, [code]);
      }
    }
  }
  return blocks;
}

function add(blocks: CommandBlock[], at: number, lines: readonly string[]): void {
  const joined = lines.join('\n').replaceAll('\\\n', ' ').split('\n');
  const commands = joined
    .map((line) => line.replace(/^\$ /, ''))
    .filter((line) => COMMAND.test(line))
    .map(filled);
  if (commands.length > 0) blocks.push({ at, lines: commands });
}

/** A command with its placeholders replaced. */
export function filled(line: string): string {
  return line
    .replace(/(?<=[ =])([A-Z]{2,})(?= |$)/g, (word) => PLACEHOLDERS[word] ?? word)
    .replace(/ …(?= |$)/g, '');
}
