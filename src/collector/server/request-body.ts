import type { IncomingMessage } from 'node:http';
import { NervecenterError } from '../../core/errors.ts';
import { GatheredBytes } from '../../platform/gathered-bytes.ts';

/**
 * A request's body as text.
 *
 * @param limit.what for the refusal, as in `A login has at most …`.
 * @throws NervecenterError `NC_PAYLOAD_TOO_LARGE`
 */
export async function readBody(
  request: IncomingMessage,
  { bytesMax, what }: { readonly bytesMax: number; readonly what: string },
): Promise<string> {
  const gathered = new GatheredBytes();
  // Not destroyed when given up halfway: the answer has yet to go out on the same connection.
  const body: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false });
  for await (const chunk of body) {
    if (gathered.length + chunk.length > bytesMax) {
      throw new NervecenterError('NC_PAYLOAD_TOO_LARGE', `${what} has at most ${bytesMax} bytes.`);
    }
    gathered.add(chunk);
  }
  return gathered.bytes.toString('utf8');
}
