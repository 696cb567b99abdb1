import type { AgentMessage, CollectorMessage } from '../../core/frame.ts';
import { FrameDecoder } from '../../core/frames/frame-decoder.ts';
import type { Disagreement, Holder } from '../../core/place.ts';
import type { CollectorLink, LinkEvents } from './link.ts';
import { connectSocketLink } from './socket-link.ts';

/** A collector says at once whether it takes a process; one that does not is stopped, or of another kind. */
const ANSWER_TIMEOUT_MS = 5000;

/** What the collector of another process said to `hello`. */
export type Answer =
  | { readonly type: 'joined'; readonly link: CollectorLink; readonly holder: Holder | undefined }
  | { readonly type: 'refused'; readonly holder: Holder; readonly why: Disagreement };

/**
 * Asks the collector at `path` to take this process.
 *
 * @param events of the link, once it is joined.
 * @returns `null` when nobody answers there.
 */
export async function joinCollector(
  path: string,
  hello: AgentMessage,
  events: LinkEvents,
): Promise<Answer | null> {
  const { promise, resolve } = Promise.withResolvers<Answer | null>();
  let joined = false;
  const link = await connectSocketLink(path, {
    onMessage: (message: CollectorMessage) => {
      if (joined) events.onMessage(message);
      else if (message.type === 'refused') resolve(message);
      else if (message.type === 'welcome' && link !== null) {
        joined = true;
        const { holder, takesFrameBytes = false } = message;
        resolve({ type: 'joined', link: takesFrameBytes ? link : sendingObjects(link), holder });
      }
    },
    onClose: () => {
      if (joined) events.onClose();
      else resolve(null);
    },
  });
  if (link === null) return null;
  link.send(hello);
  const timer = setTimeout(() => resolve(null), ANSWER_TIMEOUT_MS).unref();
  const answer = await promise;
  clearTimeout(timer);
  if (answer?.type !== 'joined') link.close();
  return answer;
}

/** The link to a collector of a version that takes frames as objects: it gets them so. */
function sendingObjects(link: CollectorLink): CollectorLink {
  const decoder = new FrameDecoder();
  const asObject = (message: AgentMessage): AgentMessage =>
    message.type === 'frame-bytes' ? { type: 'frame', frame: decoder.read(message.bytes) } : message;
  return {
    ...link,
    send: (message) => link.send(asObject(message)),
    flushSync: (messages, deadlineMs) => link.flushSync(messages.map(asObject), deadlineMs),
  };
}
