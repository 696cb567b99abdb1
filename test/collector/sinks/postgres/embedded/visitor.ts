import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** How far a process of some user gets. */
export interface Visit {
  /** What connecting as the owner of all tables came to: `in`, the server's SQLSTATE, or the system's code. */
  readonly socket: string;
  /** What reading a file came to: its length, or the system's code. */
  readonly file: string;
}

/** Only what is in Node itself: nothing else may be within the user's reach. */
const SCRIPT = `
const { uid, gid, socket, file } = JSON.parse(process.argv[1]);
process.setgroups([]);
process.setgid(gid);
process.setuid(uid);
const read = () => {
  try { return String(require('node:fs').readFileSync(file).length); } catch (error) { return error.code; }
};
const told = (socket) => process.stdout.write(JSON.stringify({ socket, file: read() }), () => process.exit());
const body = Buffer.from('\\0\\x03\\0\\0user\\0nervecenter\\0database\\0postgres\\0\\0', 'latin1');
const length = Buffer.alloc(4);
length.writeInt32BE(body.length + 4);
const connection = require('node:net').connect(socket, () => connection.write(Buffer.concat([length, body])));
connection.once('error', ({ code }) => told(code));
connection.once('data', (answer) => {
  const sqlState = /\\0C([0-9A-Z]{5})\\0/.exec(answer.toString('latin1'))?.[1];
  told(answer[0] === 0x52 && answer.readInt32BE(5) === 0 ? 'in' : sqlState ?? answer.toString('latin1'));
});
`;

/** Has a process that root starts become somebody else, who then tries. */
export async function visit(
  user: { readonly uid: number; readonly gid: number },
  clusterDir: string,
): Promise<Visit> {
  const order = {
    ...user,
    socket: `${clusterDir}/.s.PGSQL.5432`,
    file: `${clusterDir}/global/pg_control`,
  };
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', SCRIPT, JSON.stringify(order)]);
  return JSON.parse(stdout) as Visit;
}
