/** The server's metrics, in the text format of Prometheus (version 0.0.4). */
type Labels = Readonly<Record<string, string>>;

/** Upper limits of a histogram's buckets, in seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** The values of one metric by their labels: a counter, which only grows, or a gauge. */
class Family {
  readonly #values = new Map<string, number>();
  readonly #head: string;
  readonly #name: string;

  constructor(name: string, type: 'counter' | 'gauge', help: string) {
    this.#name = name;
    this.#head = `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
  }

  add(amount: number, labels: Labels = {}): void {
    const key = labelText(labels);
    this.#values.set(key, (this.#values.get(key) ?? 0) + amount);
  }

  set(value: number, labels: Labels = {}): void {
    this.#values.set(labelText(labels), value);
  }

  clear(): void {
    this.#values.clear();
  }

  toString(): string {
    const lines = Array.from(this.#values, ([labels, value]) => `${this.#name}${labels} ${value}\n`);
    return this.#head + lines.join('');
  }
}

/** A histogram of durations. */
class Histogram {
  readonly #counts = new Array<number>(BUCKETS.length).fill(0);
  readonly #name: string;
  readonly #help: string;
  #count = 0;
  #sum = 0;

  constructor(name: string, help: string) {
    this.#name = name;
    this.#help = help;
  }

  observe(seconds: number): void {
    this.#count++;
    this.#sum += seconds;
    BUCKETS.forEach((limit, index) => {
      if (seconds <= limit) this.#counts[index] = (this.#counts[index] as number) + 1;
    });
  }

  toString(): string {
    const name = this.#name;
    const buckets = BUCKETS.map((limit, index) => `${name}_bucket{le="${limit}"} ${this.#counts[index]}\n`);
    return (
      `# HELP ${name} ${this.#help}\n# TYPE ${name} histogram\n${buckets.join('')}` +
      `${name}_bucket{le="+Inf"} ${this.#count}\n${name}_sum ${this.#sum}\n${name}_count ${this.#count}\n`
    );
  }
}

export class Metrics {
  readonly requests = new Family(
    'char_rnn_requests_total',
    'counter',
    'Requests by path and status; 499: the client went away.',
  );
  readonly promptTokens = new Family('char_rnn_prompt_tokens_total', 'counter', 'Tokens of prompts.');
  readonly cachedTokens = new Family(
    'char_rnn_prompt_tokens_cached_total',
    'counter',
    'Tokens of prompts that did not have to be read again.',
  );
  readonly generatedTokens = new Family('char_rnn_generated_tokens_total', 'counter', 'Tokens drawn.');
  readonly sequences = new Family('char_rnn_sequences', 'gauge', 'Texts that have a slot now.');
  readonly waiting = new Family('char_rnn_waiting_requests', 'gauge', 'Prompts that wait for a slot now.');
  readonly firstToken = new Histogram(
    'char_rnn_first_token_seconds',
    'Time from a completion request to its first token.',
  );
  readonly duration = new Histogram('char_rnn_completion_seconds', 'Time that a whole completion takes.');

  toString(): string {
    return Object.values(this).map(String).join('');
  }
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => {
    const escaped = value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
    return `${name}="${escaped}"`;
  });
  return pairs.length > 0 ? `{${pairs.join(',')}}` : '';
}
