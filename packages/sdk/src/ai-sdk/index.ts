export { type AitbcOptions, type AitbcProvider, createAitbc } from './create-aitbc.ts';
