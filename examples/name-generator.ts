/** Invents 200 names that are not in its training list. Run: npx tsx examples/name-generator.ts */
import { LanguageModel, train } from 'char-rnn-ts';

const known =
  `Ada Adele Agnes Aida Alba Alice Alina Alma Amalia Amanda Anita Anna Antonia Aurora Beata Bella Berta Bianca Camilla Carla
Carmen Carola Cecilia Celia Clara Claudia Cora Corinna Daniela Daria Delia Diana Dora Dorothea Edith Elena Eleonora Elisa Ella Elsa
Emilia Emma Erika Estella Eva Fabia Fanny Felicia Fiona Flora Franka Frida Gabriela Gerda Gisela Gloria Greta Hanna Hedwig Helena
Helga Hilda Ida Ilona Ina Ines Ingrid Irena Irma Isabella Ivana Jana Johanna Jolanda Julia Juna Karina Karla Katharina Klara Lara
Larissa Laura Lea Lena Leona Lidia Lina Linda Lisa Livia Lorena Lotta Lucia Luisa Luna Magda Maja Mara Marcella Margareta Maria Marina
Marta Martina Matilda Melina Mila Mina Miranda Mona Monika Nadia Natalia Nina Nora Norma Olga Olivia Ottilia Pamela Patricia Paula
Petra Pia Ramona Rebekka Regina Renata Rita Roberta Romina Rosa Rosalia Sabina Sabrina Sandra Sara Selma Serena Silvia Sofia Sonja
Stella Susanna Tamara Tanja Tatjana Teresa Tina Ulla Ulrika Ursula Valentina Valeria Vanessa Vera Verena Viktoria Viola Vita Wanda
Wilma Xenia Yolanda Zita`.split(/\s+/);
// Each copy of the list is in a different order, so that the model learns the names rather than their order.
const orders = [1, 3, 7, 11, 13, 17, 19, 23, 29, 31];
const text = orders
  .map((step) => known.map((_, i) => `${known[(i * step) % known.length]}\n`).join(''))
  .join('');

let model: LanguageModel | undefined;
const options = { hiddenSize: 64, layers: 1, batchSize: 10, sequenceLength: 25, learningRate: 0.01 };
for await (const event of train({ text, ...options, maxEpochs: 15 })) {
  if (event.type === 'finished') model = new LanguageModel(event.checkpoint);
}

// Each name is one line. The model reads two names first, so that it begins with a new name.
const wanted = {
  count: 200,
  lines: 1,
  unique: true,
  novel: text,
  prompt: 'Yolanda\nZita\n',
  temperature: 0.8,
};
for await (const { text } of model?.samples(wanted) ?? []) console.log(text);
await model?.close();
