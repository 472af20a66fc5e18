/** Texts for the names and numbers of the library. */

/** `learningRate` → `learning rate`. */
export function optionWords(name: string): string {
  return name.replace(/[A-Z]|\d+/g, (part) => ` ${part.toLowerCase()}`);
}

/** A message whose options, such as `hiddenSize` between backticks, are words in quotation marks. */
export function inWords(message: string): string {
  return message.replace(/`([a-z][A-Za-z0-9]*)`/g, (_, name: string) => `“${optionWords(name)}”`);
}

/** `40 s`, `12 min`, `1.5 h`. */
export function shortDuration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** With two decimals, and a minus sign instead of a hyphen. */
export function signed(value: number): string {
  return value.toFixed(2).replace('-', '−');
}
