import type { FrameSource } from '../../../src/agent/metrics/frame-source.ts';
import type { Point } from '../../../src/core/frame.ts';

/** What the next frame is made of. */
export async function collected(source: FrameSource): Promise<Point[]> {
  await source.observe();
  return source.points();
}
