/** The module hook of a planted bug; it runs in the loader's thread. */
import { appendFileSync, readFileSync } from 'node:fs';

/** What is replaced, as the order file says it. */
export interface PlantOrder {
  /** End of the module's path. */
  readonly module: string;
  readonly find: string;
  readonly replace: string;
  /** A line is added for each process that has the bug. */
  readonly doneFile: string;
}

interface Loaded {
  readonly source?: unknown;
}

let order: PlantOrder | undefined;

/** Called once by Node. */
export function initialize({ file }: { readonly file: string }): void {
  order = JSON.parse(readFileSync(file, 'utf8')) as PlantOrder;
}

/** Called for each module. Throws when the module no longer has the text: the process does not start then. */
export async function load<T extends Loaded>(
  url: string,
  context: unknown,
  next: (url: string, context: unknown) => Promise<T>,
): Promise<T> {
  const loaded = await next(url, context);
  if (!order || !new URL(url, 'file:').pathname.endsWith(order.module)) return loaded;
  const text = Buffer.from(loaded.source as Uint8Array).toString('utf8');
  if (text.split(order.find).length !== 2) {
    throw new Error(`the bug cannot be planted: ${order.module} does not have the text once`);
  }
  appendFileSync(order.doneFile, `${process.pid}\n`);
  return { ...loaded, source: text.replace(order.find, () => order?.replace ?? '') };
}
