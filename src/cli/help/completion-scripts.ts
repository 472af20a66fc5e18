// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are shell variables.
/**
 * Shell completion scripts, made from the schemas. They are static, so completing a word does not start Node.
 */

import { type Flag, flagNames, longFlag } from '../arguments/flag-table.ts';
import { INSTALLED_NAMES } from '../arguments/program-name.ts';
import type { Command } from '../command.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

export function isShell(word: string): word is Shell {
  return SHELLS.some((shell) => shell === word);
}

const PROGRAMS = INSTALLED_NAMES.join(' ');

export function completionScript(shell: Shell, commands: readonly Command[]): string {
  const script = { bash: bashScript, zsh: zshScript, fish: fishScript }[shell];
  return `${script(commands).join('\n')}\n`;
}

/** A comment with the command that installs a script. */
function installComment(shell: Shell, folder: string, file: string): string {
  return `# Completion of char-rnn for ${shell}. To install it: mkdir -p ${folder} && char-rnn completions ${shell} > ${folder}/${file}`;
}

/** The values of a flag that takes one of a few words; none for other flags. */
function choicesOf({ type }: Flag): readonly string[] {
  return type.choices ?? [];
}

/** The branches of a shell's `case` with the choices after `COMMAND FLAG`. The flag has no dashes, and `_` between words. */
function choiceCases(commands: readonly Command[], line: (choices: string) => string): string[] {
  return commands.flatMap(({ name, flags }) =>
    flags
      .filter((flag) => choicesOf(flag).length > 0)
      .map((flag) => {
        const pattern = flagNames(flag).map((own) => `"${name} ${own}"`);
        return `    ${pattern.join('|')}) ${line(choicesOf(flag).join(' '))} ;;`;
      }),
  );
}

function bashScript(commands: readonly Command[]): string[] {
  const flagCases = (style: (name: string) => string) =>
    commands.map(({ name, flags }) => {
      const words = [...flags.flatMap(flagNames).map(style), style('help')];
      return `      ${name}) flags="${words.join(' ')}" ;;`;
    });
  return [
    installComment('bash', '~/.local/share/bash-completion/completions', 'char-rnn'),
    '_char_rnn() {',
    '  local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" command="${COMP_WORDS[1]}" flags=""',
    '  COMPREPLY=()',
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    COMPREPLY=($(compgen -W "${[...commands.map(({ name }) => name), 'help'].join(' ')} --help --version" -- "$current"))`,
    '    return',
    '  fi',
    '  previous="${previous#-}"; previous="${previous#-}"; previous="${previous//-/_}"',
    '  case "$command $previous" in',
    ...choiceCases(commands, (choices) => `COMPREPLY=($(compgen -W "${choices}" -- "$current")); return`),
    `    "completions completions") COMPREPLY=($(compgen -W "${SHELLS.join(' ')}" -- "$current")); return ;;`,
    `    "help help") COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(' ')}" -- "$current")); return ;;`,
    '  esac',
    '  case "$current" in',
    '    --*|-) case "$command" in',
    ...flagCases(longFlag),
    '      esac ;;',
    '    -*) case "$command" in',
    ...flagCases((name) => `-${name}`),
    '      esac ;;',
    '  esac',
    '  # Otherwise the shell completes file names.',
    '  [ -n "$flags" ] && COMPREPLY=($(compgen -W "$flags" -- "$current"))',
    '}',
    `complete -o default -F _char_rnn ${PROGRAMS}`,
  ];
}

function zshScript(commands: readonly Command[]): string[] {
  const described = (word: string, text: string) =>
    quote(`${word.replaceAll(':', '\\:')}:${text.replaceAll(':', '\\:')}`);
  return [
    `#compdef ${PROGRAMS}`,
    installComment('zsh', '~/.zfunc', '_char-rnn'),
    '# In ~/.zshrc, before compinit: fpath+=~/.zfunc',
    '_char_rnn() {',
    '  local -a found',
    '  if (( CURRENT == 2 )); then',
    `    found=(${commands.map(({ name, summary }) => described(name, firstLine(summary))).join(' ')})`,
    "    _describe 'command' found",
    '    return',
    '  fi',
    '  local previous="${words[CURRENT-1]}"',
    '  previous="${previous#-}"; previous="${previous#-}"; previous="${previous//-/_}"',
    '  case "${words[2]} $previous" in',
    ...choiceCases(commands, (choices) => `compadd -- ${choices}; return`),
    `    "completions completions") compadd -- ${SHELLS.join(' ')}; return ;;`,
    `    "help help") compadd -- ${commands.map(({ name }) => name).join(' ')}; return ;;`,
    '  esac',
    '  if [[ "$PREFIX" == -* ]]; then',
    '    case "${words[2]}" in',
    ...commands.map(({ name, flags }) => {
      const words = flags.flatMap((flag) =>
        flagNames(flag).map((own) => described(longFlag(own), flag.info.help)),
      );
      return `      ${name}) found=(${words.join(' ')}) ;;`;
    }),
    '    esac',
    "    _describe -o 'flag' found",
    '    return',
    '  fi',
    '  _files',
    '}',
    // In a file on fpath the script is the body of the function.
    `if [ "$funcstack[1]" = "_char-rnn" ]; then _char_rnn "$@"; else compdef _char_rnn ${PROGRAMS}; fi`,
  ];
}

function fishScript(commands: readonly Command[]): string[] {
  return [
    installComment('fish', '~/.config/fish/completions', 'char-rnn.fish'),
    ...commands.flatMap(({ name, summary, flags }) => [
      `complete -c char-rnn -n __fish_use_subcommand -f -a ${name} -d ${quote(firstLine(summary))}`,
      ...flags.flatMap((flag) => {
        const choices = choicesOf(flag);
        const value =
          choices.length > 0
            ? ` -x -a ${quote(choices.join(' '))}`
            : flag.type.kind === 'boolean'
              ? ''
              : ' -r';
        return flagNames(flag).map(
          (own) =>
            `complete -c char-rnn -n '__fish_seen_subcommand_from ${name}' -l ${longFlag(own).slice(2)}${value} -d ${quote(flag.info.help)}`,
        );
      }),
    ]),
    `complete -c char-rnn -n '__fish_seen_subcommand_from completions' -f -a ${quote(SHELLS.join(' '))}`,
    'complete -c char-rnn-ts -w char-rnn',
  ];
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}

/** A word in single quotes, valid in all three shells. */
function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "'\\''")}'`;
}
