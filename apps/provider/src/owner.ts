/** What the owner's tools use of this app without a running daemon: the cards, and the models of the engine. */

export { type FindModelsOptions, findModels, type SellableModel } from './find-models.ts';
export type { Gpu, Inventory } from './inventory/gpu.ts';
export { readInventory } from './inventory/read-inventory.ts';
export { createRunTool, type RunTool } from './inventory/run-tool.ts';
