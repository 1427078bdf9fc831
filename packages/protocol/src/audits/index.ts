export * from './audit.ts';
export * from './audit-record.ts';
export * from './audit-report.ts';
