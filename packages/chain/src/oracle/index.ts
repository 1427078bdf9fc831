export { createOracle, type Oracle, type OracleBlock, type OracleResult } from './oracle.ts';
