/** [HTTP status, exit code of the CLI, retryable, message]; `errors.ts` explains the columns. */
export type Row = readonly [
  httpStatus: number,
  exitCode: number,
  retryable: boolean,
  message: string,
];
