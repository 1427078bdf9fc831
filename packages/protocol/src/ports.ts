/** Standard TCP ports of the daemons, on loopback unless the operator says otherwise. */
export const ports = Object.freeze({
  coordinator: 8000,
  node: 8006,
  provider: 8008,
  wallet: 8015,
  gateway: 11435,
  /** Mesh of the nodes: mutual TLS. */
  mesh: 8007,
  /** Where Ollama listens by default. */
  ollama: 11434,
});

/** Name of the development network. */
export const devnetName = 'ait-devnet';
