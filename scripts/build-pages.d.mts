export function buildPages(folder: string): Promise<Record<string, number>>;
