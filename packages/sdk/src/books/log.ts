/** Where a buyer says what it does: fields first, then a constant message, like pino. */
export interface BuyerLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A log that keeps nothing. */
export const silentLog: BuyerLog = Object.freeze({
  debug() {},
  info() {},
  warn() {},
  error() {},
});
