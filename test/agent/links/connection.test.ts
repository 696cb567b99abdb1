import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it, onTestFinished } from 'vitest';
import { Connection } from '../../../src/agent/links/connection.ts';
import { Pipeline } from '../../../src/agent/pipeline.ts';
import type { AgentLink } from '../../../src/collector/agent-link.ts';
import { listenForAgents, type SocketReceiver } from '../../../src/collector/receivers/socket.ts';
import { readConfig } from '../../../src/config/config.ts';
import { placeOf } from '../../../src/config/place.ts';
import type { AgentMessage, EventsMessage, RecordsMessage } from '../../../src/core/frame.ts';
import { rendezvousPath } from '../../../src/link/rendezvous.ts';
import { PieceReader } from '../../../src/link/ring/piece-reader.ts';
import { requestEvent, sourceNamed } from '../../link/messages.ts';
import { freePort } from '../../support/free-port.ts';
import { until } from '../../support/poll.ts';

const OTHER = { service: 'other', pid: 7, url: 'http://127.0.0.1:9464', alone: false };

/** The other end of the link: remembers what came and answers only what it is told to. */
class ScriptedCollector {
  readonly links: AgentLink[] = [];
  readonly received: AgentMessage[] = [];
  welcomes = true;
  takesBytes = true;
  /** As nobody would answer. */
  closes = false;
  refuses = false;
  #receiver: SocketReceiver | null = null;

  async listen(path: string): Promise<void> {
    this.#receiver = await listenForAgents(path, (link) => {
      this.links.push(link);
      link.onMessage((message) => {
        this.received.push(message as AgentMessage);
        if ((message as AgentMessage).type !== 'hello') return;
        if (this.closes) link.close();
        else if (this.refuses) link.send({ type: 'refused', holder: OTHER, why: 'place' });
        else if (this.welcomes)
          link.send({ type: 'welcome', ...(this.takesBytes ? { takesBytes: true } : {}) });
      });
    });
  }

  of(type: AgentMessage['type']): AgentMessage[] {
    return this.received.filter((message) => message.type === type);
  }

  async stop(): Promise<void> {
    await this.#receiver?.shutdown();
  }
}

/** For how long each timer that this file starts from now on is to wait. */
function waitsOf(file: string): readonly number[] {
  const waits: number[] = [];
  const { setTimeout: real } = globalThis;
  globalThis.setTimeout = Object.assign(
    (...args: Parameters<typeof real>) => {
      if (new Error().stack?.split('\n')[2]?.includes(file)) waits.push(args[1] ?? 0);
      return real(...args);
    },
    { __promisify__: real.__promisify__ },
  );
  onTestFinished(() => {
    globalThis.setTimeout = real;
  });
  return waits;
}

describe('Connection', () => {
  let directory: string;
  let path: string;
  let collector: ScriptedCollector;
  let connection: Connection;
  let said: string[];
  let opened: number;
  let lost: number;
  let pipeline: Pipeline;
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
    const port = await freePort();
    path = rendezvousPath(port) ?? '';
    collector = new ScriptedCollector();
    await collector.listen(path);
    said = [];
    pipeline = new Pipeline(() => {});
    const { ring } = pipeline;
    const unshare = ring.unshare.bind(ring);
    ring.unshare = () => {
      lost++;
      unshare();
    };
    opened = 0;
    lost = 0;
    const config = readConfig(
      {
        NERVECENTER_PORT: String(port),
        NERVECENTER_STORAGE: 'off',
        NERVECENTER_DATA_DIR: directory,
      },
      directory,
    );
    connection = new Connection({
      config,
      place: placeOf(config),
      source: sourceNamed('app'),
      env: {},
      say: (line) => said.push(line),
      ring,
      onOpen: () => void opened++,
      onNotice: () => {},
    });
  });
  afterEach(async () => {
    connection.close();
    await collector.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  const joined = async () => {
    await connection.open();
    await until(() => connection.isOpen);
  };

  it('is open only once the collector has said welcome', async () => {
    collector.welcomes = false;
    const opening = connection.open();
    await until(() => collector.of('hello').length === 1);
    assert.equal(connection.isOpen, false);
    collector.links[0]?.send({ type: 'welcome' });
    await opening;
    assert.deepEqual([connection.isOpen, opened], [true, 1]);
  });

  it('joins once, however often it is asked to', async () => {
    await joined();
    await connection.open();
    assert.deepEqual([collector.links.length, opened], [1, 1]);
  });

  it('is lost with its collector, says hello to the next, and tells each time', async () => {
    await joined();
    collector.links[0]?.close();
    await until(() => lost === 1 && opened === 2);
    assert.equal(collector.of('hello').length, 2);
    assert.deepEqual(said, []);
  });

  it('joins the next collector of another process within a second, however many it has lost', async () => {
    await joined();
    const waits = waitsOf('links/connection.ts');
    for (let losses = 1; losses <= 7; losses++) {
      collector.links.at(-1)?.close();
      await until(() => lost === losses && opened === losses + 1);
    }
    // After the sixth loss it would wait for 3 s at least, were it to host one.
    assert.ok(waits.length >= 7 && waits.every((ms) => ms <= 1000), String(waits));
  });

  it('hosts a collector itself when nobody else does, and hears that it is up', async () => {
    await collector.stop();
    await connection.open();
    await until(() => connection.isOpen && said.length === 1);
    assert.match(said[0] ?? '', /^nervecenter .*\n {2}dashboard +http/);
    const snapshot = (await connection.ask('snapshot')) as { service: string };
    assert.equal(snapshot.service, 'app');
  });

  it('only looks for another one when it lost one and has recorded nothing', async () => {
    await connection.join();
    await until(() => connection.isOpen);
    const before = collector.received.length;
    collector.closes = true;
    collector.links[0]?.close();
    await until(() => collector.received.length >= before + 4);
    assert.deepEqual([said, connection.isOpen, lost], [[], false, 1]);
    collector.closes = false;
    await until(() => opened === 2);
    assert.deepEqual(said, []);
  });

  it('hosts one at once when the one that takes over does not take it', async () => {
    await joined();
    collector.refuses = true;
    const asked = collector.of('hello').length;
    collector.links[0]?.send({ type: 'handing-over' });
    await until(() => lost === 1 && connection.isOpen);
    // Were it to wait for somebody else, it would ask once a second, for 10 s.
    assert.ok(collector.of('hello').length <= asked + 3, `${collector.of('hello').length - asked} asked`);
    assert.match(
      said[0] ?? '',
      /is that of other \(process 7\), whose rows go elsewhere: this app has its own/,
    );
  });

  it('waits for the one that takes over for as long as there is none', async () => {
    await joined();
    collector.closes = true;
    const before = collector.received.length;
    collector.links[0]?.send({ type: 'handing-over' });
    await until(() => collector.received.length >= before + 4);
    assert.deepEqual([said, connection.isOpen, lost], [[], false, 1]);
  });

  it('brings answers to those who asked, in any order, and acknowledgements to the ring', async () => {
    await joined();
    pipeline.emit(requestEvent());
    await until(() => collector.of('records').length === 1);
    const [first, second] = [connection.ask('snapshot'), connection.ask('health')];
    await until(() => collector.of('ask').length === 2);
    const [a, b] = collector.of('ask') as Extract<AgentMessage, { type: 'ask' }>[];
    const [link] = collector.links;
    link?.send({ type: 'answer', ask: b?.ask ?? 0, value: 'the second' });
    link?.send({ type: 'answer', ask: 12345, value: 'nobody asked' });
    link?.send({ type: 'answer', ask: a?.ask ?? 0, value: 'the first' });
    assert.equal(pipeline.ring.unaccepted().length, 1);
    const [piece] = collector.of('records') as RecordsMessage[];
    link?.send({ type: 'accepted', batch: piece?.batch ?? 0 });
    assert.deepEqual(await Promise.all([first, second]), ['the first', 'the second']);
    await until(() => pipeline.ring.unaccepted().length === 0);
  });

  it('refuses to ask when there is nobody to answer', async () => {
    await assert.rejects(connection.ask('snapshot'), { code: 'NC_UNAVAILABLE' });
  });

  it('survives a peer that is no collector', async () => {
    await joined();
    collector.links[0]?.send('nonsense' as never);
    collector.links[0]?.send(null as never);
    await until(() => lost === 1 && opened === 2);
  });

  it('hands over the last events and messages while nothing asynchronous runs any more', async () => {
    await joined();
    // The first are being written by the socket when the end comes. All of it fits into the kernel's buffer: whoever reads
    // it here shares the thread that writes.
    for (let i = 0; i < 200; i++) pipeline.emit(requestEvent());
    connection.handOver();
    for (let i = 0; i < 200; i++) pipeline.emit(requestEvent());
    connection.flushSync([{ type: 'goodbye' }], 1000);
    assert.equal(connection.isOpen, false);
    await until(() => collector.of('goodbye').length === 1);
    const pieces = new PieceReader();
    const events = (collector.of('records') as RecordsMessage[]).flatMap((piece) => pieces.events(piece));
    assert.equal(events.length, 400);
  });

  it('sends events to a collector of an earlier version, by numbers that rise', async () => {
    collector.takesBytes = false;
    await joined();
    for (let sent = 1; sent <= 2; sent++) {
      pipeline.emit(requestEvent());
      await until(() => collector.of('events').length === sent);
    }
    const [first, second] = collector.of('events') as EventsMessage[];
    assert.ok((first?.batch ?? 0) < (second?.batch ?? 0));
    assert.equal(first?.events[0]?.signal, 'request');
  });

  it('stays closed', async () => {
    await joined();
    connection.close();
    await connection.open();
    connection.send({ type: 'goodbye' });
    assert.deepEqual([connection.isOpen, collector.links.length, lost], [false, 1, 0]);
  });
});
