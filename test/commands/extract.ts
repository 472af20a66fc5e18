/** Extracts the command lines from a page of Markdown. */

/** How a line that is typed into a shell begins. */
const COMMAND =
  /^(?:npx |node |nohup |setsid |cat |zcat |curl |npm |char-rnn(?:-ts)? |python3 |jq |echo |printf |sudo |apt|source |eval "|export |cd |mkdir |cp |mv )/;

/** A command within a sentence: one with an argument, or one that needs none. */
const INLINE = /`((?:npx )?char-rnn(?:-ts)? (?:[a-z-]+ [^`[]+|ls|doctor|build-native|--help))`/g;

/** The values for the words in capitals that a reader replaces. */
const PLACEHOLDERS: Readonly<Record<string, string>> = {
  MODEL: 'cv/best.safetensors',
  CHECKPOINT: 'cv/best.safetensors',
  TEXT: 'book.txt',
  FOLDER: 'mails',
  IN: 'cv/best.safetensors',
  OUT: 'out.onnx',
};

/** The commands in blocks that are indented by four spaces or fenced as shell code, and those within sentences. */
export function commandLines(markdown: string): string[] {
  const commands: string[] = [];
  const all = markdown.split('\n');
  for (let at = 0; at < all.length; at++) {
    const line = all[at] as string;
    const fence = /^```(\w*)/.exec(line);
    if (fence) {
      const end = all.indexOf('```', at + 1);
      if (['', 'sh', 'bash', 'shell', 'console'].includes(fence[1] ?? ''))
        commands.push(...commandsOf(all.slice(at + 1, end)));
      at = end;
    } else if (/^ {4}\S/.test(line)) {
      const start = at;
      while (/^ {4}/.test(all[at + 1] ?? '')) at++;
      commands.push(...commandsOf(all.slice(start, at + 1).map((text) => text.slice(4))));
    } else if (!line.startsWith('#')) {
      for (const [, code = ''] of line.matchAll(INLINE)) {
        commands.push(...commandsOf([code]));
      }
    }
  }
  return commands;
}

function commandsOf(block: readonly string[]): string[] {
  const joined = block.join('\n').replaceAll('\\\n', ' ').split('\n');
  return joined
    .map((line) => line.replace(/^\$ /, ''))
    .filter((line) => COMMAND.test(line))
    .map(filled);
}

/** A command with its placeholders replaced. */
export function filled(line: string): string {
  return line
    .replace(/(?<=[ =])([A-Z]{2,})(?= |$)/g, (word) => PLACEHOLDERS[word] ?? word)
    .replace(/ …(?= |$)/g, '');
}
