/**
 * Whether OpenTelemetry's own switch is off: asked before anything is loaded, so that off costs nothing. Where there is a
 * configuration file, that says so instead, and no variable counts.
 */
export function sdkDisabled(env: NodeJS.ProcessEnv = process.env): boolean {
  if ((env['OTEL_CONFIG_FILE'] ?? '').trim() !== '') return false;
  return (env['OTEL_SDK_DISABLED'] ?? '').trim().toLowerCase() === 'true';
}
