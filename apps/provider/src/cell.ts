/** A value that is set once the start has come so far. */
export function createCell<T>(first: T): { get(): T; set(value: T): void } {
  let current = first;
  return {
    get: () => current,
    set(value) {
      current = value;
    },
  };
}
