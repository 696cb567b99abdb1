/** The floor of OpenTelemetry's SDK; package.json's `engines` says the same. Older ones cannot load what is built on it. */
const NODE_MIN = [22, 15] as const;

/** Why this Node is not enough, `null` when it is. */
export function nodeTooOld(version: string): string | null {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1])) return null;
  return `it needs Node ${NODE_MIN.join('.')} or later, this is ${version}`;
}
