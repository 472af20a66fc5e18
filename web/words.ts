/** Messages of the library name options as programs do; a reader of the page sees words. */

/** `learningRate` → `learning rate`. */
export function optionWords(name: string): string {
  return name.replace(/[A-Z]|\d+/g, (part) => ` ${part.toLowerCase()}`);
}

/** A message whose options, such as `hiddenSize` between backticks, are words in quotation marks. */
export function inWords(message: string): string {
  return message.replace(/`([a-z][A-Za-z0-9]*)`/g, (_, name: string) => `“${optionWords(name)}”`);
}
