/** Version of the gateway, as it introduces itself. */
export const gatewayVersion = '0.1.0';
