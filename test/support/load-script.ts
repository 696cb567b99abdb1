import type { ClientBase } from 'pg';
import { copyIn } from '../../src/collector/sinks/postgres/write/copy-in.ts';

const TIMEOUT_MS = 60_000;

/** Does with an exported script what psql does with it. */
export async function loadScript(client: ClientBase, script: string): Promise<void> {
  let sql = '';
  let at = 0;
  const run = async () => {
    if (sql.trim() !== '') await client.query(sql);
    sql = '';
  };
  while (at < script.length) {
    const end = script.indexOf('\n', at) + 1;
    const line = script.slice(at, end);
    at = end;
    if (line.startsWith('\\')) continue; // For psql itself.
    if (!/^COPY .* FROM stdin;\n$/.test(line)) {
      sql += line;
      continue;
    }
    await run();
    const rows = script.startsWith('\\.\n', at) ? at : script.indexOf('\n\\.\n', at) + 1;
    const copy = { statement: line.replace(/;\s*$/, ''), chunks: [Buffer.from(script.slice(at, rows))] };
    await copyIn(client, [copy], TIMEOUT_MS);
    at = rows + '\\.\n'.length;
  }
  await run();
}
