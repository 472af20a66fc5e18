/** A form for options, made from their `OptionFacts`. */
import type { OptionFacts } from '../../src/option-facts.ts';
import { readEscapes } from '../../src/util/escapes.ts';
import { quoted } from '../shell-words.ts';
import { inWords, type OptionsByFlag, optionWords } from '../words.ts';

/** The options that a reader has set, as the text of their fields. */
export type Settings = Readonly<Record<string, string>>;

export interface ControlsProps {
  readonly facts: readonly OptionFacts[];
  readonly settings: Settings;
  readonly onChange: (settings: Settings) => void;
  /** The option that an error is about, and what it says. */
  readonly problem?: { readonly name: string; readonly message: string } | undefined;
  readonly disabled?: boolean | undefined;
}

/** The common options, and the others folded by group. */
export function Controls({ facts, ...given }: ControlsProps) {
  const rest = { ...given, flags: new Map(facts.map(({ flag, name }) => [flag, name])) };
  const common = facts.filter((fact) => fact.common);
  const others = facts.filter((fact) => !fact.common);
  const groups = [...new Set(others.map(({ group }) => group))];
  return (
    <div class="controls">
      <div class="fields">
        {common.map((fact) => (
          <Control key={fact.name} fact={fact} {...rest} />
        ))}
      </div>
      {groups.map((group) => {
        const own = others.filter((fact) => fact.group === group);
        const set = own.filter(({ name }) => rest.settings[name] !== undefined).length;
        return (
          <details key={group}>
            <summary>
              {group}
              {set > 0 && <span class="count">{set} set</span>}
            </summary>
            <div class="fields">
              {own.map((fact) => (
                <Control key={fact.name} fact={fact} {...rest} />
              ))}
            </div>
          </details>
        );
      })}
    </div>
  );
}

interface ControlProps extends Omit<ControlsProps, 'facts'> {
  readonly fact: OptionFacts;
  readonly flags: OptionsByFlag;
}

function Control({ fact, flags, settings, onChange, problem, disabled = false }: ControlProps) {
  const { name, kind, choices, expected } = fact;
  const help = inWords(fact.help, flags);
  const value = settings[name];
  const set = (text: string | undefined) => {
    const { [name]: _, ...others } = settings;
    onChange(text === undefined || text === '' ? others : { ...others, [name]: text });
  };
  const own = problem?.name === name ? problem.message : undefined;
  const shared = {
    disabled,
    id: `option-${name}`,
    'aria-describedby': `help-${name}`,
    'aria-invalid': own !== undefined,
  } as const;
  const shownDefault = fact.defaultValue === undefined ? '' : String(fact.defaultValue);
  return (
    <div class={kind === 'boolean' ? 'field switch' : 'field'}>
      <label class="name" for={`option-${name}`}>
        {optionWords(name)}
      </label>
      {kind === 'boolean' ? (
        <input
          type="checkbox"
          checked={value === undefined ? fact.defaultValue === true : value === 'true'}
          onChange={(event) => set(String(event.currentTarget.checked))}
          {...shared}
        />
      ) : kind === 'choice' ? (
        <select value={value ?? ''} onChange={(event) => set(event.currentTarget.value)} {...shared}>
          <option value="">{shownDefault || '–'}</option>
          {choices
            .filter((choice) => choice !== shownDefault)
            .map((choice) => (
              <option key={choice} value={choice}>
                {choice}
              </option>
            ))}
        </select>
      ) : (
        <input
          type="text"
          inputMode={kind === 'string' ? 'text' : 'decimal'}
          value={value ?? ''}
          placeholder={shownDefault}
          autocomplete="off"
          spellcheck={false}
          onInput={(event) => set(event.currentTarget.value)}
          {...shared}
        />
      )}
      <small id={`help-${name}`} class={own === undefined ? 'help' : 'problem'}>
        {own ?? (kind === 'boolean' || kind === 'choice' ? help : `${help} (${expected})`)}
      </small>
    </div>
  );
}

/** The values of the settings, with escapes replaced as on the command line. @throws {SettingError} for text that is not a number */
export function valuesOf(facts: readonly OptionFacts[], settings: Settings): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const { name, kind, expected, escapes } of facts) {
    const text = settings[name];
    if (text === undefined) continue;
    if (kind === 'boolean') values[name] = text === 'true';
    else if (isNumber(kind)) {
      const value = numberIn(text);
      if (value === undefined) throw new SettingError(name, text, expected);
      values[name] = value;
    } else values[name] = escapes ? readEscapes(text).text : text;
  }
  return values;
}

export class SettingError extends Error {
  readonly option: string;

  constructor(option: string, text: string, expected: string) {
    super(`got ${JSON.stringify(text)}, expected ${expected}`);
    this.option = option;
  }
}

/** The option that an error of the library is about: its messages begin with the option's name. */
export function problemOf(error: unknown): { readonly name: string; readonly message: string } | undefined {
  if (error === undefined) return undefined;
  if (error instanceof SettingError) return { name: error.option, message: error.message };
  const { name, message } = error as Error;
  if (name !== 'OptionError') return undefined;
  const found = /^(\w+): (.*)$/s.exec(message);
  return found ? { name: found[1] as string, message: found[2] as string } : undefined;
}

function isNumber(kind: OptionFacts['kind']): boolean {
  return kind === 'number' || kind === 'integer';
}

/** The number in a field, which also allows spaces and hexadecimal digits; undefined for other text. */
function numberIn(text: string): number | undefined {
  return text.trim() === '' || Number.isNaN(Number(text)) ? undefined : Number(text);
}

/** The settings as flags for the command line, quoted for a POSIX shell. What is not a number stays as it is. */
export function flagsOf(facts: readonly OptionFacts[], settings: Settings): string[] {
  return facts.flatMap(({ name, flag, kind }) => {
    const text = settings[name];
    if (text === undefined) return [];
    if (kind === 'boolean') return text === 'true' ? [flag] : [flag, 'false'];
    return [flag, quoted(isNumber(kind) ? String(numberIn(text) ?? text) : text)];
  });
}
