import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { constraints, deviceList, none } from '../src/devices.js';
import { LocalMedia } from '../src/local-media.js';

// A twin of the browser's devices: cameras and microphones that can be missing, busy, blocked or pulled out.
class FakeTrack extends EventTarget {
  readyState = 'live';
  enabled = true;
  contentHint = '';
  constructor(
    readonly kind: 'audio' | 'video',
    readonly id: string,
    readonly deviceId: string,
  ) {
    super();
  }
  getSettings() {
    return { deviceId: this.deviceId };
  }
  stop() {
    this.readyState = 'ended';
  }
  pullOut() {
    this.stop();
    this.dispatchEvent(new Event('ended'));
  }
}

class FakeDevices extends EventTarget {
  cameras = ['cam1', 'cam2'];
  microphones = ['mic1'];
  blocked = new Set<string>();
  tracks: FakeTrack[] = [];
  asked = 0;
  gate: Promise<void> = Promise.resolve();

  async getUserMedia({ audio, video }: { audio?: { deviceId?: { exact: string } }; video?: { deviceId?: { exact: string } } }) {
    this.asked++;
    await this.gate;
    const made: FakeTrack[] = [];
    for (const [wanted, kind, ids] of [[audio, 'audio', this.microphones], [video, 'video', this.cameras]] as const) {
      if (!wanted) continue;
      if (this.blocked.has(kind)) throw new DOMException('', 'NotAllowedError');
      const id = wanted.deviceId?.exact ?? ids[0];
      if (ids.length === 0) throw new DOMException('', 'NotFoundError');
      if (!id || !ids.includes(id)) throw new DOMException('', 'OverconstrainedError');
      made.push(new FakeTrack(kind, `t${this.tracks.length + made.length}`, id));
    }
    this.tracks.push(...made);
    return { getTracks: () => made, getAudioTracks: () => made.filter((t) => t.kind === 'audio'), getVideoTracks: () => made.filter((t) => t.kind === 'video') };
  }

  async enumerateDevices() {
    return [...this.cameras.map((deviceId) => ({ kind: 'videoinput', deviceId, label: deviceId })), ...this.microphones.map((deviceId) => ({ kind: 'audioinput', deviceId, label: '' }))];
  }

  live() {
    return this.tracks.filter((track) => track.readyState === 'live').map((track) => track.deviceId);
  }
}

let devices: FakeDevices;
let granted: Set<string>;
let storage: Map<string, string>;
Object.defineProperty(globalThis, 'isSecureContext', { value: true });
Object.defineProperty(globalThis, 'localStorage', { value: { getItem: (key: string) => storage.get(key) ?? null, setItem: (key: string, value: string) => storage.set(key, value) } });
Object.defineProperty(globalThis, 'navigator', {
  value: {
    get mediaDevices() {
      return devices;
    },
    permissions: { query: async ({ name }: { name: string }) => ({ state: granted.has(name) ? 'granted' : 'denied' }) },
  },
});

beforeEach(() => {
  devices = new FakeDevices();
  granted = new Set();
  storage = new Map();
});

const tick = () => new Promise((resolve) => setTimeout(resolve, 5));

test('both are opened with one prompt', async () => {
  const media = new LocalMedia();
  assert.equal(await media.open(), '');
  assert.equal(devices.asked, 1);
  assert.deepEqual(media.streams().map((stream) => stream.streamType), ['audio', 'video']);
});

test('the remembered camera is used, and when it is gone another one', async () => {
  storage.set('streamcat.camera', 'cam2');
  const media = new LocalMedia();
  await media.open();
  assert.equal(media.chosen('camera'), 'cam2');
  storage.set('streamcat.camera', 'cam9');
  const other = new LocalMedia();
  assert.equal(await other.open(), '');
  assert.equal(other.chosen('camera'), 'cam1');
});

test('without a camera there is still a microphone, and a sentence', async () => {
  devices.cameras = [];
  const media = new LocalMedia();
  assert.match(await media.open(), /No camera was found/);
  assert.deepEqual(media.streams().map((stream) => stream.streamType), ['audio']);
  assert.equal(media.chosen('camera'), none);
});

test('a device is missing unless the person chose to do without it', async () => {
  devices.cameras = [];
  const media = new LocalMedia();
  await media.open();
  assert.equal(media.missing, true, 'asking again may help');
  await media.choose('camera', none);
  assert.equal(media.missing, false, 'there is nothing to ask for');
});

const settle = () => new Promise((resolve) => setImmediate(resolve));

test('a camera that is switched off is let go, and opened again', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  storage.set('streamcat.camera', 'cam2');
  const media = new LocalMedia();
  await media.open();
  media.setMuted('camera', true);
  t.mock.timers.tick(1900);
  assert.deepEqual(devices.live(), ['mic1', 'cam2'], 'a slip of the finger');
  media.setMuted('camera', false);
  t.mock.timers.tick(5000);
  assert.deepEqual(devices.live(), ['mic1', 'cam2']);
  assert.equal(media.streams()[1]!.isMuted, false);

  media.setMuted('camera', true);
  t.mock.timers.tick(2000);
  assert.deepEqual(devices.live(), ['mic1']);
  assert.deepEqual(media.streams().map((stream) => stream.streamType), ['audio']);
  assert.deepEqual([media.has('camera'), media.missing, media.chosen('camera')], [true, false, 'cam2'], 'it is still the chosen one');
  media.setMuted('camera', false);
  await settle();
  assert.deepEqual(devices.live(), ['mic1', 'cam2']);
  assert.equal(media.streams()[1]!.isMuted, false);
  t.mock.timers.tick(5000);
  assert.deepEqual(devices.live(), ['mic1', 'cam2']);
});

test('a camera that is switched off while it opens is let go again', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const media = new LocalMedia();
  await media.open();
  media.setMuted('camera', true);
  t.mock.timers.tick(2000);
  media.setMuted('camera', false);
  media.setMuted('camera', true);
  await settle();
  assert.equal(media.streams()[1]!.isMuted, true);
  t.mock.timers.tick(2000);
  assert.deepEqual(devices.live(), ['mic1']);
});

test('a sleeping camera that was taken by somebody else stays off, and a sentence says so', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const media = new LocalMedia();
  const said: string[] = [];
  media.onFailure((words) => said.push(words));
  await media.open();
  media.setMuted('camera', true);
  t.mock.timers.tick(2000);
  devices.blocked.add('video');
  media.setMuted('camera', false);
  await settle();
  assert.equal(media.muted('camera'), true);
  assert.match(said.join(), /blocks the camera/);
  devices.blocked.clear();
  media.setMuted('camera', false);
  await settle();
  assert.equal(media.muted('camera'), false);
  assert.deepEqual(devices.live(), ['mic1', 'cam1']);
});

test('another choice, or none, replaces a sleeping camera', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const media = new LocalMedia();
  await media.open();
  media.setMuted('camera', true);
  t.mock.timers.tick(2000);
  await media.choose('camera', 'cam2');
  assert.equal(media.streams()[1]!.isMuted, true, 'choosing is not switching on');
  t.mock.timers.tick(2000);
  assert.equal(media.chosen('camera'), 'cam2');
  await media.choose('camera', none);
  assert.equal(media.has('camera'), false);
  media.setMuted('camera', false);
  await settle();
  assert.deepEqual(devices.live(), ['mic1']);
});

test('with no microphone the camera that is switched off stays: without both one would drop out of the picture', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  devices.microphones = [];
  const media = new LocalMedia();
  await media.open();
  media.setMuted('camera', true);
  t.mock.timers.tick(10_000);
  assert.deepEqual(devices.live(), ['cam1']);
});

test('leaving wakes nothing', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const media = new LocalMedia();
  await media.open();
  media.setMuted('camera', true);
  t.mock.timers.tick(2000);
  media.close();
  t.mock.timers.tick(2000);
  media.setMuted('camera', false);
  await settle();
  assert.deepEqual(devices.live(), []);
});

test('with neither there is one sentence for both', async () => {
  devices.cameras = [];
  devices.microphones = [];
  assert.match(await new LocalMedia().open(), /No camera or microphone was found/);
});

test('who blocks both is not asked twice', async () => {
  devices.blocked = new Set(['audio', 'video']);
  assert.match(await new LocalMedia().open(), /blocks the camera and microphone/);
  assert.equal(devices.asked, 1);
});

test('a blocked camera leaves an allowed microphone', async () => {
  devices.blocked.add('video');
  granted.add('microphone');
  const media = new LocalMedia();
  assert.match(await media.open(), /blocks the camera/);
  assert.deepEqual(devices.live(), ['mic1']);
});

test('"none" is remembered, opens nothing and lets go of what was open', async () => {
  const media = new LocalMedia();
  await media.open();
  await media.choose('camera', none);
  assert.deepEqual(devices.live(), ['mic1']);
  const next = new LocalMedia();
  await next.open();
  assert.equal(next.track('camera'), null);
});

test('a camera that does not open leaves the one before', async () => {
  const media = new LocalMedia();
  await media.open();
  devices.blocked.add('video');
  assert.match(await media.choose('camera', 'cam2'), /blocks the camera/);
  assert.equal(media.chosen('camera'), 'cam1');
  assert.equal(storage.get('streamcat.camera'), undefined);
});

test('the last of two quick choices wins, and nothing stays open behind it', async () => {
  const media = new LocalMedia();
  await media.open();
  let open = () => undefined as void;
  devices.gate = new Promise((resolve) => (open = resolve));
  const choices = [media.choose('camera', 'cam2'), media.choose('camera', 'cam1')];
  open();
  await Promise.all(choices);
  assert.equal(media.chosen('camera'), 'cam1');
  assert.deepEqual(devices.live().sort(), ['cam1', 'mic1']);
});

test('closing while a device opens leaves nothing open', async () => {
  const media = new LocalMedia();
  let open = () => undefined as void;
  devices.gate = new Promise((resolve) => (open = resolve));
  const opening = media.open();
  media.close();
  open();
  await opening;
  assert.deepEqual(devices.live(), []);
});

test('a swapped device stays muted', async () => {
  const media = new LocalMedia();
  await media.open();
  media.setMuted('camera', true);
  await media.choose('camera', 'cam2');
  assert.equal(media.streams()[1]?.isMuted, true);
  assert.equal(media.track('camera')?.enabled, false);
});

test('a camera that is pulled out is replaced, and the page is told', async () => {
  const media = new LocalMedia();
  const told: string[] = [];
  media.onFailure((words) => told.push(words));
  await media.open();
  devices.cameras = ['cam2'];
  devices.tracks.find((track) => track.deviceId === 'cam1')?.pullOut();
  await tick();
  assert.equal(media.chosen('camera'), 'cam2');
  assert.match(told.join(), /another one is used/);
});

test('the last microphone pulled out is a sentence', async () => {
  const media = new LocalMedia();
  const told: string[] = [];
  media.onFailure((words) => told.push(words));
  await media.open();
  devices.microphones = [];
  devices.tracks.find((track) => track.kind === 'audio')?.pullOut();
  await tick();
  assert.equal(media.track('microphone'), null);
  assert.match(told.join(), /microphone stopped\. No microphone was found/);
});

test('a device plugged in calls back, until closed', async () => {
  const media = new LocalMedia();
  await media.open();
  let calls = 0;
  media.onChange(() => calls++);
  devices.dispatchEvent(new Event('devicechange'));
  assert.equal(calls, 1);
  media.close();
  calls = 0;
  devices.dispatchEvent(new Event('devicechange'));
  assert.equal(calls, 0);
});

test('lists hide what has no id yet, name what has no name, and end with "none"', () => {
  const all = [
    { kind: 'videoinput', deviceId: '', label: '' },
    { kind: 'videoinput', deviceId: 'a', label: '' },
    { kind: 'audioinput', deviceId: 'b', label: 'Headset' },
  ] as const;
  assert.deepEqual(deviceList('camera', all, 'a').map(({ id, label, chosen }) => [id, label, chosen]), [
    ['a', 'Camera 1', true],
    [none, 'No camera', false],
  ]);
  assert.equal(deviceList('microphone', all, 'gone').find((device) => device.chosen)?.id, none);
});

test('the quality decides the size that is asked for', () => {
  const video = constraints('camera', 'a', '360').video as MediaTrackConstraints;
  assert.deepEqual([video.width, video.height, video.deviceId], [{ ideal: 640 }, { ideal: 360 }, { exact: 'a' }]);
  assert.equal((constraints('microphone', '', '720').audio as MediaTrackConstraints).echoCancellation, true);
});
