// A process that sends spans at a pace of its own, whatever is answered, as a sender without manners would: it never waits and
// sends nothing again. Tells what became of its batches.
import { Agent, request } from 'node:http';
import { type Client, credentials, Metadata, makeClientConstructor, type ServiceError } from '@grpc/grpc-js';
import { SpanBatches } from '../test/support/otlp/span-flood.ts';

export interface FloodOrder {
  readonly protocol: 'http' | 'grpc';
  readonly url: string;
  readonly traces: number;
  readonly batchesPerSecond: number;
  readonly seconds: number;
  /** Without an answer yet; what is due beyond is not sent, and counted. */
  readonly openMax: number;
}

/** What became of the batches of one sender. */
export interface FloodTally {
  readonly bytes: number;
  sent: number;
  accepted: number;
  /** By status, or by gRPC's code; and how many of those did not say when to come back. */
  readonly refused: Record<string, number>;
  withoutRetry: number;
  /** No answer was heard: the connection broke, or it took too long. */
  unheard: number;
  /** More were due than may be open. */
  held: number;
  readonly latenciesMs: number[];
}

interface Answer {
  readonly status: string;
  /** Whether it says when to come back. */
  readonly retry: boolean;
  /** All of it. */
  readonly accepted: boolean;
}

const TICK_MS = 5;
const ANSWER_MS = 60_000;
/** So many that none has as many calls open as one may have: HTTP/2 says nothing of when to come back. */
const GRPC_CONNECTIONS = 16;
const SECOND_MS = 1000;

async function run({ protocol, url, traces, ...order }: FloodOrder): Promise<FloodTally> {
  const batches = new SpanBatches(traces);
  const { bytes } = batches;
  const tally: FloodTally = {
    ...{ bytes, sent: 0, accepted: 0, refused: {}, withoutRetry: 0, unheard: 0, held: 0 },
    latenciesMs: [],
  };
  const { send, close } = protocol === 'http' ? overHttp(url) : overGrpc(url);
  // Senders are connected already: Node accepts one connection in a turn of its event loop.
  await Promise.all(Array.from({ length: order.openMax }, () => send(Buffer.alloc(0))));
  let open = 0;
  const sendOne = async () => {
    open++;
    tally.sent++;
    const beganMs = performance.now();
    note(tally, await send(batches.next()).catch(() => null), performance.now() - beganMs);
    open--;
  };
  const beganMs = performance.now();
  const endsMs = beganMs + order.seconds * SECOND_MS;
  while (performance.now() < endsMs) {
    const due = ((performance.now() - beganMs) * order.batchesPerSecond) / SECOND_MS;
    while (tally.sent + tally.held < due) {
      if (open < order.openMax) void sendOne();
      else tally.held++;
    }
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  while (open > 0) await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  close();
  return tally;
}

function note(tally: FloodTally, answer: Answer | null, latencyMs: number): void {
  if (answer === null) {
    tally.unheard++;
  } else if (answer.accepted) {
    tally.accepted++;
    tally.latenciesMs.push(latencyMs);
  } else {
    tally.refused[answer.status] = (tally.refused[answer.status] ?? 0) + 1;
    if (!answer.retry) tally.withoutRetry++;
  }
}

interface Sending {
  send(body: Buffer): Promise<Answer>;
  close(): void;
}

function overHttp(url: string): Sending {
  const agent = new Agent({ keepAlive: true });
  const headers = { 'content-type': 'application/x-protobuf' };
  const send = (body: Buffer) =>
    new Promise<Answer>((resolve, reject) => {
      const options = { method: 'POST', agent, headers: { ...headers, 'content-length': body.length } };
      const sent = request(`${url}/v1/traces`, { ...options, timeout: ANSWER_MS }, (response) => {
        const { statusCode = 0, headers: said } = response;
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
        });
        response.on('end', () =>
          resolve({
            status: String(statusCode),
            retry: 'retry-after' in said,
            accepted: statusCode === 200 && bytes === 0,
          }),
        );
        response.on('error', reject);
      });
      sent.on('error', reject).on('timeout', () => sent.destroy(new Error('no answer')));
      sent.end(body);
    });
  return { send, close: () => agent.destroy() };
}

const EXPORT = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

function overGrpc(url: string): Sending {
  const Sender = makeClientConstructor({}, 'sender');
  const options = { 'grpc.enable_retries': 0, 'grpc.use_local_subchannel_pool': 1 };
  const clients: Client[] = Array.from(
    { length: GRPC_CONNECTIONS },
    () => new Sender(new URL(url).host, credentials.createInsecure(), options),
  );
  let next = 0;
  const asItIs = (bytes: Buffer) => bytes;
  const send = (body: Buffer) =>
    new Promise<Answer>((resolve, reject) => {
      const answered = (error: ServiceError | null, response?: Buffer) => {
        if (error === null) resolve({ status: '0', retry: false, accepted: response?.length === 0 });
        else if (isOwn(error)) reject(error);
        else {
          const retry = error.metadata.get('grpc-status-details-bin').length > 0;
          resolve({ status: String(error.code), retry, accepted: false });
        }
      };
      const deadline = Date.now() + ANSWER_MS;
      clients[next++ % clients.length]?.makeUnaryRequest(
        EXPORT,
        asItIs,
        asItIs,
        body,
        new Metadata(),
        { deadline },
        answered,
      );
    });
  return {
    send,
    close: () => {
      for (const client of clients) client.close();
    },
  };
}

/** Of the client's making, not an answer: it waited too long, or its connection broke. */
function isOwn({ code, metadata }: ServiceError): boolean {
  return code === 4 || (code === 14 && metadata.get('grpc-status-details-bin').length === 0);
}

process.on('message', (order: FloodOrder) => void run(order).then((tally) => process.send?.(tally)));
process.on('disconnect', () => process.exit());
