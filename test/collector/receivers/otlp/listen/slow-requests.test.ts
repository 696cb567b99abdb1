import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { it } from 'vitest';
import { OtlpDecoder } from '../../../../../src/collector/receivers/otlp/decode/decoder.ts';
import { Exports } from '../../../../../src/collector/receivers/otlp/listen/exports.ts';
import { otlpHttpServer } from '../../../../../src/collector/receivers/otlp/listen/http.ts';
import { InFlight } from '../../../../../src/collector/receivers/otlp/listen/in-flight.ts';
import { SenderKeys } from '../../../../../src/collector/receivers/otlp/listen/keys.ts';
import { OtlpStatistics } from '../../../../../src/collector/receivers/otlp/listen/statistics.ts';
import { DeltaMeterProvider } from '../../../../../src/metrics/meter-provider.ts';
import { until } from '../../../../support/poll.ts';
import { ALL_TAKEN } from '../receiver.ts';

it('a request that comes too slowly makes its sender come back: 503 with Retry-After', async ({
  onTestFinished,
}) => {
  const statistics = new OtlpStatistics(new DeltaMeterProvider().getMeter());
  const consume = async () => ALL_TAKEN;
  const server = otlpHttpServer({
    tls: null,
    exports: new Exports({
      decoder: new OtlpDecoder([]),
      consumer: { crowded: false, spans: consume, metrics: consume, logs: consume },
      statistics,
      ownId: null,
      failed: () => {},
      wentRound: () => {},
    }),
    keys: new SenderKeys([]),
    inFlight: new InFlight(1000),
    statistics,
    allowedOrigins: [],
  });
  server.requestTimeout = 100;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  socket.on('error', () => {});
  socket.write('POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-protobuf\r\n');
  socket.write('Content-Length: 10\r\n\r\nhalf');
  await until(() => /\r\n\r\n.+/.test(answer));
  assert.match(answer, /^HTTP\/1\.1 503 [\s\S]*retry-after: 5\r\n[\s\S]*too slowly/);
});
