/** A control that holds a unit: the text that the model writes while the unit is held at a value, beside the text without this. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { joinSymbolTexts } from '../../src/data/symbols/symbol-text.ts';
import { sampleCommand } from '../sample-command.ts';
import { worker } from '../session.ts';
import type { UnitFacts, UnitRequest } from '../worker/api.ts';
import { Command } from './command.tsx';

export interface DialProps {
  readonly chosen: UnitRequest;
  readonly facts: UnitFacts;
}

interface Measured {
  readonly text: string;
  readonly lineLength: number;
  /** Whether the model does not know the line end, its prompt. */
  readonly leavesOut: boolean;
}

const PROMPT = '\n';
const LENGTH = 1000;
const SEED = 1;
const TEMPERATURE = 0.8;

export function Dial({ chosen, facts }: DialProps) {
  const [value, setValue] = useState(() => round(facts.high));
  const [held, setHeld] = useState<(Measured & { readonly value: number }) | undefined>(undefined);
  const [free, setFree] = useState<Measured | undefined>(undefined);
  const [problem, setProblem] = useState<string | undefined>(undefined);
  const [isWriting, setWriting] = useState(false);
  const abort = useRef(new AbortController());
  useEffect(() => () => abort.current.abort(), []);

  async function write(): Promise<void> {
    abort.current.abort();
    abort.current = new AbortController();
    const { signal } = abort.current;
    setProblem(undefined);
    setWriting(true);
    try {
      const hold = [{ layer: chosen.layer, unit: chosen.unit, part: chosen.part, value }];
      await writeText({ hold }, signal, (measured) => setHeld({ ...measured, value }));
      if (!free) await writeText({}, signal, setFree);
    } catch (error) {
      if (!signal.aborted) setProblem((error as Error).message);
    } finally {
      setWriting(false);
    }
  }

  const name = `${chosen.layer}.${chosen.unit}${chosen.part === 'h' ? '' : `.${chosen.part}`}`;
  const step = round((facts.highest - facts.lowest) / 100) || 0.01;
  return (
    <section class="dial" aria-labelledby="dial-title">
      <h3 id="dial-title">Hold the unit and see what the model writes</h3>
      <div class="row">
        <label class="grow">
          <span class="figure">{value.toFixed(2)}</span>
          <input
            type="range"
            min={round(facts.lowest - Math.abs(facts.high - facts.low) / 4)}
            max={round(facts.highest + Math.abs(facts.high - facts.low) / 4)}
            step={step}
            value={value}
            aria-label={`value at which unit ${name} is held`}
            onInput={(event) => setValue(Number(event.currentTarget.value))}
          />
        </label>
        <button type="button" onClick={() => setValue(round(facts.low))}>
          low
        </button>
        <button type="button" onClick={() => setValue(round(facts.high))}>
          high
        </button>
        <button type="button" class="primary" disabled={isWriting} onClick={write}>
          Write with the unit held
        </button>
      </div>
      {problem !== undefined && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      {(held || free) && (
        <>
          {held && free && (
            <p class="effect" role="status">
              Mean length of a line: <b>{held.lineLength.toFixed(1)}</b> with the unit held,{' '}
              <b>{free.lineLength.toFixed(1)}</b> without.
            </p>
          )}
          <div class="two-texts">
            <figure>
              <figcaption>held at {(held?.value ?? value).toFixed(2)}</figcaption>
              <Text label="the text with the unit held" text={held?.text} />
            </figure>
            <figure>
              <figcaption>not held, same seed</figcaption>
              <Text label="the text without the unit held" text={free?.text} />
            </figure>
          </div>
          <div class="command">
            <Command
              text={sampleCommand({
                flags: [
                  ...['--hold', `${name}=${held?.value ?? value}`, '--temperature', `${TEMPERATURE}`],
                  ...['--length', `${LENGTH}`, '--seed', `${SEED}`],
                ],
                prompt: PROMPT,
                leavesOut: held?.leavesOut === true,
              })}
            />
          </div>
        </>
      )}
    </section>
  );
}

function Text({ label, text }: { readonly label: string; readonly text: string | undefined }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and has to by keyboard too
    <section tabIndex={0} aria-label={label}>
      <pre>{text}</pre>
    </section>
  );
}

async function writeText(
  more: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
  show: (measured: Measured) => void,
): Promise<void> {
  const options = { ...more, length: LENGTH, temperature: TEMPERATURE, seed: SEED };
  const symbols: string[] = [];
  let leavesOut = false;
  for await (const part of worker().stream('write', { prompt: PROMPT, options, alternatives: 0 }, signal)) {
    symbols.push(...part.details.map(({ text: symbol }) => symbol));
    leavesOut ||= part.leavesOut;
    const text = joinSymbolTexts(symbols);
    show({ text, lineLength: lineLengthOf(text), leavesOut });
  }
}

/** The mean length of the lines that have ended, or of the whole text if none has. */
function lineLengthOf(text: string): number {
  const ended = text.split('\n').slice(0, -1);
  return ended.length === 0 ? text.length : ended.reduce((sum, line) => sum + line.length, 0) / ended.length;
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}
