/**
 * Compares the characters a second that 64 streaming clients get from the built program with those that its engine samples for 64 sequences,
 * and measures the time to the first character. Server, clients and engine run in separate processes. Prints one line of JSON.
 *
 *     npm run build && node --import tsx bench/serving.ts [clients] [seconds] [rounds] [max_tokens] [FIELDS]
 */
import { execFileSync } from 'node:child_process';
import { Vocabulary } from '../src/data/vocabulary.ts';
import { LanguageModel } from '../src/language-model.node.ts';
import { layoutOf } from '../src/model/config.ts';
import { initialParameters } from '../src/model/initial-parameters.ts';
import { MersenneTwister } from '../src/util/mersenne-twister.ts';
import { spawnServer } from '../test/server/spawn-server.ts';
import { median } from './figures.ts';
import type { ClientReport } from './serving-client.ts';

const [clients = '64', seconds = '10', rounds = '3', maxTokens = '2000', fields = '{}'] =
  process.argv.slice(2);
const V = 65;
const bench = (name: string) => new URL(name, import.meta.url).pathname;
const node = (...words: string[]) =>
  JSON.parse(execFileSync(process.execPath, ['--import', 'tsx', ...words], { encoding: 'utf8' }));

/** An untrained model of the default size. */
function untrainedModel(): LanguageModel {
  const config = { cell: 'lstm', layers: 2, hiddenSize: 128, vocabularySize: V } as const;
  const symbols = Array.from({ length: V }, (_, index) => String.fromCharCode(0x20 + index));
  const vocabulary = new Vocabulary({ kind: 'character', normalize: 'none', symbols, hasUnknown: false });
  const parameters = Float32Array.from(initialParameters(layoutOf(config), new MersenneTwister(1)));
  return new LanguageModel({ config, precision: 'float32', vocabulary, parameters });
}

const server = await spawnServer(untrainedModel());
const { url } = server;
const rates: { engine: number; served: number }[] = [];
const times: number[] = [];
const memory: number[] = [];
try {
  node(bench('serving-client.ts'), url, clients, '1', maxTokens, fields);
  for (let round = 0; round < Number(rounds); round++) {
    const engine = node(bench('sampling.ts'), 'lstm', '128', '2', clients, 'auto', '', '3').perSecond;
    const report: ClientReport = node(bench('serving-client.ts'), url, clients, seconds, maxTokens, fields);
    rates.push({ engine, served: report.characters / report.seconds });
    times.push(...report.firstCharacter);
    memory.push(server.residentMegabytes());
  }
} finally {
  server.stop();
}
times.sort((a, b) => a - b);
const quantile = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))];
console.log(
  JSON.stringify({
    clients: Number(clients),
    served: Math.round(median(rates.map(({ served }) => served))),
    engine: Math.round(median(rates.map(({ engine }) => engine))),
    share: median(rates.map(({ served, engine }) => served / engine)),
    firstCharacterMs: { median: quantile(0.5), p99: quantile(0.99), most: times.at(-1) },
    residentMegabytes: memory,
  }),
);
