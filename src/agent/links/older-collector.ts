import type { AgentMessage } from '../../core/frame.ts';
import { FrameDecoder } from '../../core/frames/frame-decoder.ts';
import type { CollectorLink } from './link.ts';

/** The link to a collector of a version that takes frames as objects: it gets them so. */
export function sendingObjects(link: CollectorLink): CollectorLink {
  const decoder = new FrameDecoder();
  const asObject = (message: AgentMessage): AgentMessage =>
    message.type === 'frame-bytes' ? { type: 'frame', frame: decoder.read(message.bytes) } : message;
  return {
    ...link,
    send: (message) => link.send(asObject(message)),
    flushSync: (messages, deadlineMs) => link.flushSync(messages.map(asObject), deadlineMs),
  };
}
