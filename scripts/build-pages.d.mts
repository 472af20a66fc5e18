export function buildPages(folder: string): Promise<readonly string[]>;
