// Stands in for the agent's preload: observes `ws`, and says at exit what it saw.
import { writeSync } from 'node:fs';
import { ws } from '../../../src/agent/websocket/server.ts';
import { RecordingAgent } from '../../support/recording-agent.ts';

const STDOUT_FD = 1;
const agent = new RecordingAgent();
ws.start(agent);
process.on('exit', () => {
  const { events } = agent;
  writeSync(STDOUT_FD, `${JSON.stringify({ events, counts: agent.websockets.takeDeltas() })}\n`);
});
