/** The ends of an address, for lines that people read. */
export function shortAddress(address: string): string {
  return `${address.slice(0, 9)}…${address.slice(-4)}`;
}
