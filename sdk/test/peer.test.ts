import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { beforeEach, test } from 'node:test';
import * as StreamCat from '../src/index.js';
import { browserPeers } from '../src/peer.js';
import { track } from './fake-peer.js';

// What peer.ts asks of the browser. That a browser then does it is for the tests with real ones.

type Codecs = { mimeType: string; sdpFmtpLine?: string }[];

const capabilities: { audio: Codecs; video: Codecs } = {
  audio: [{ mimeType: 'audio/red' }, { mimeType: 'audio/opus' }, { mimeType: 'audio/PCMU' }],
  video: [
    { mimeType: 'video/VP8' }, { mimeType: 'video/rtx' }, { mimeType: 'video/VP9' },
    { mimeType: 'video/H264', sdpFmtpLine: 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f' },
    { mimeType: 'video/H264', sdpFmtpLine: 'level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f' },
    { mimeType: 'video/H264', sdpFmtpLine: 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f' },
    { mimeType: 'video/H264', sdpFmtpLine: 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f' },
    { mimeType: 'video/AV1' }, { mimeType: 'video/ulpfec' },
  ],
};

class Sender {
  track: unknown = null;
  parameters: any = { encodings: [{}] };
  async replaceTrack(next: unknown) {
    this.track = next;
  }
  getParameters() {
    return structuredClone(this.parameters);
  }
  async setParameters(parameters: unknown) {
    this.parameters = parameters;
  }
}

let connection: any;
let video: Codecs;

beforeEach(() => {
  video = capabilities.video;
  const withCapabilities = { getCapabilities: (kind: string) => ({ codecs: [...(kind === 'video' ? video : capabilities.audio)] }) };
  Object.assign(globalThis, {
    RTCRtpSender: withCapabilities,
    RTCRtpReceiver: withCapabilities,
    RTCPeerConnection: class {
      transceivers: any[] = [];
      connectionState = 'new';
      closed = false;
      constructor(readonly configuration: unknown) {
        connection = this;
      }
      addTransceiver(kind: string, { direction }: { direction: string }) {
        const transceiver: any = { kind, direction, sender: new Sender(), receiver: { track: track(kind as 'audio') } };
        transceiver.setCodecPreferences = (codecs: Codecs) => {
          transceiver.codecs = codecs.map(({ mimeType, sdpFmtpLine }) => mimeType.split('/')[1] + (sdpFmtpLine?.slice(-7) ?? ''));
        };
        this.transceivers.push(transceiver);
        return transceiver;
      }
      getSenders() {
        return this.transceivers.map(({ sender }) => sender);
      }
      async setRemoteDescription() {
        const transport = Object.assign(new EventTarget(), { state: 'connected' });
        for (const { sender } of this.transceivers) sender.transport = transport;
      }
      close() {
        this.closed = true;
      }
    },
  });
});

test('a sender has one section of each kind and prefers H.264', () => {
  browserPeers.sender();
  assert.deepEqual(connection.transceivers.map((t: any) => [t.kind, t.direction, t.codecs]), [
    ['audio', 'sendonly', ['opus']],
    ['video', 'sendonly', ['H264=42e01f', 'H264=42001f', 'VP8', 'rtx']],
  ]);
  assert.deepEqual(connection.configuration, { bundlePolicy: 'max-bundle', rtcpMuxPolicy: 'require' });
});

test('a browser without H.264 sends VP8', () => {
  video = [{ mimeType: 'video/VP9' }, { mimeType: 'video/rtx' }, { mimeType: 'video/VP8' }];
  browserPeers.sender();
  assert.deepEqual(connection.transceivers[1].codecs, ['VP8', 'rtx']);
});

test('a receiver has a pair of sections for each slot', () => {
  const receiver = browserPeers.receiver(12);
  assert.equal(connection.transceivers.length, 24);
  assert.ok(connection.transceivers.every((t: any) => t.direction === 'recvonly'));
  for (const kind of ['audio', 'video'] as const) {
    const sections = connection.transceivers.filter((t: any) => t.kind === kind);
    sections.forEach((t: any, slot: number) => assert.equal(receiver.reception(slot, kind).track, t.receiver.track));
  }
});

test('a transport that the server has closed is a connection that failed, whatever the browser calls it', async () => {
  const receiver = browserPeers.receiver(2);
  const states: string[] = [];
  receiver.onstate = (state) => states.push(state);
  await receiver.accept('answer');
  const { transport } = connection.transceivers[0].sender;
  transport.dispatchEvent(new Event('statechange'));
  assert.deepEqual(states, []);
  transport.state = 'closed';
  transport.dispatchEvent(new Event('statechange'));
  assert.deepEqual(states, ['failed']);
});

test('the limits of what is sent', async () => {
  const sender = browserPeers.sender();
  const camera = track('video');
  await sender.send('video', { track: camera, maxBitrate: 800_000, maxFramerate: 15 });
  const { sender: web } = connection.transceivers[1];
  assert.equal(web.track, camera);
  assert.deepEqual(web.parameters, { encodings: [{ maxBitrate: 800_000, maxFramerate: 15 }], degradationPreference: 'balanced' });
  await sender.send('video', undefined);
  assert.equal(web.track, null);
});

for (const [name, hint, settings, expected] of [
  ['a camera', '', { width: 1280 }, 'balanced'],
  ['a screen', '', { displaySurface: 'monitor' }, 'maintain-resolution'],
  ['a screen that shows a film', 'motion', { displaySurface: 'window' }, 'maintain-framerate'],
  ['slides from a canvas', 'text', {}, 'maintain-resolution'],
] as const) {
  test(`what is given up first when the network is short: ${name}`, async () => {
    const source = Object.assign(track('video'), { contentHint: hint, getSettings: () => settings });
    await browserPeers.sender().send('video', { track: source, maxBitrate: 1 });
    assert.equal(connection.transceivers[1].sender.parameters.degradationPreference, expected);
  });
}

test('states of the connection', () => {
  const peer = browserPeers.sender();
  const states: string[] = [];
  peer.onstate = (state) => states.push(state);
  for (const state of ['new', 'connecting', 'connected', 'disconnected', 'failed', 'closed']) {
    connection.connectionState = state;
    connection.onconnectionstatechange();
  }
  assert.deepEqual(states, ['connecting', 'connected', 'disconnected', 'failed', 'failed']);
  peer.close();
  connection.onconnectionstatechange();
  assert.equal(states.length, 5);
  assert.equal(connection.closed, true);
});

test('one version', () => {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  assert.equal(StreamCat.VERSION, version);
});
