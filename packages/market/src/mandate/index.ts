export * from './check-mandate.ts';
