/** Invent names that are not in the list it learned from. Run: npx tsx examples/name-generator.ts */
import { LanguageModel, train } from 'char-rnn-ts';

const known =
  'Anna Bella Clara Dora Elena Flora Greta Hanna Ida Johanna Klara Lena Marta Nora Olga Paula Rosa Sara Tina Ursula Vera Wanda'.split(
    ' ',
  );
const text = `${known.join('\n')}\n`.repeat(40);

let model: LanguageModel | undefined;
for await (const event of train({ text, hiddenSize: 32, layers: 1, fit: true, maxEpochs: 30 })) {
  if (event.type === 'finished') model = new LanguageModel(event.checkpoint);
}

const names = new Set<string>();
for (let seed = 1; model && names.size < 8 && seed < 40; seed++) {
  let sample = '';
  for await (const piece of model.generate({ prompt: '\n', length: 60, temperature: 1.1, seed }))
    sample += piece;
  // The last name may have been cut short.
  for (const name of sample.split('\n').slice(0, -1)) if (name && !known.includes(name)) names.add(name);
}
console.log([...names].slice(0, 8).join('\n'));
