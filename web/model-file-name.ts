/** The name of the file of a model that was trained on a text: `book.safetensors` for `book.txt`. */
export function modelFileName(textName: string): string {
  return `${withoutExtension(textName)}.safetensors`;
}

export function withoutExtension(name: string): string {
  return name.replace(/\.\w+$/, '');
}
