/** What whole-network tests use of the node beside its processes: bad lines, and a mesh to speak as anybody. */
export { type ChainNode, createNode } from '../app.ts';
export { frameKinds } from '../mesh/link/frames.ts';
export { createMesh } from '../mesh/mesh.ts';
export type { Mesh } from '../mesh/types.ts';
export { type Identity, identityFromSeed, readKeyFile, writeKeyFile } from '../setup/key-file.ts';
export { type ChaosProxy, startChaosProxy } from './chaos-proxy.ts';
export { knock, type Stranger, strangerHello } from './test-mesh.ts';
