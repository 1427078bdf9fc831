/** The option that names a password file, for option tables. A password itself is never an argument. */
export const passwordFileOption = {
  flags: '--password-file <path>',
  help: 'file that holds the password; else AITBC_WALLET_PASSWORD, else a question',
} as const;

/** The same for a second password beside it. */
export const newPasswordFileOption = {
  flags: '--new-password-file <path>',
  help: 'file that holds the new password; else a question',
} as const;
