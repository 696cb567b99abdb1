/** Whether OpenTelemetry's own switch is off: asked before anything is loaded, so that off costs nothing. */
export function sdkDisabled(env: NodeJS.ProcessEnv = process.env): boolean {
  return (env['OTEL_SDK_DISABLED'] ?? '').trim().toLowerCase() === 'true';
}
