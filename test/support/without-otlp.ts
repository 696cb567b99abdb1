/** Settings of a collector alone that takes no OTLP: the default ports would be shared with the collectors of other tests. */
export const WITHOUT_OTLP = { NERVECENTER_OTLP_PORT: 'off', NERVECENTER_OTLP_GRPC_PORT: 'off' } as const;
