import { milliseconds } from '../../src/core/units.ts';
import { RecordingAgent } from './recording-agent.ts';

/** An agent whose clock the test turns. */
export class ClockedAgent extends RecordingAgent {
  nowMs = 1000;
  override readonly clock = {
    monotonicMs: () => milliseconds(this.nowMs),
    epochMs: () => milliseconds(1_700_000_000_000 + this.nowMs),
  };
}
