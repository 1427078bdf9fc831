/** Version of the command line. */
export const cliVersion = '0.1.0';
