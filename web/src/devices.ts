// Cameras and microphones: which there are, how one is opened, and what to say when it cannot be.
import type { Quality } from './preferences.js';

export type Kind = 'camera' | 'microphone';

/** An entry of a device list. */
export interface Device {
  id: string;
  label: string;
  chosen: boolean;
}

/** The id that means: without this device. */
export const none = 'none';

const sizes: Record<Quality, { width: number; height: number }> = {
  '720': { width: 1280, height: 720 },
  '540': { width: 960, height: 540 },
  '360': { width: 640, height: 360 },
};

const kinds: Record<Kind, MediaDeviceKind> = { camera: 'videoinput', microphone: 'audioinput' };

/** Says whether this page may ask for devices at all: browsers allow it on https and localhost only. */
export function devicesReachable(): boolean {
  return globalThis.isSecureContext && typeof navigator.mediaDevices?.getUserMedia === 'function';
}

/** What getUserMedia is asked for. An exact id fails when the device is gone; without one the browser takes its default. */
export function constraints(kind: Kind, id: string, quality: Quality): MediaStreamConstraints {
  const device: MediaTrackConstraints = id ? { deviceId: { exact: id } } : {};
  if (kind === 'microphone') {
    return { audio: { ...device, echoCancellation: true, noiseSuppression: true, autoGainControl: true } };
  }
  const { width, height } = sizes[quality];
  return { video: { ...device, width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: 30, max: 30 } } };
}

/** Opens one device. A remembered device that is gone is replaced by the default. */
export async function openTrack(kind: Kind, id: string, quality: Quality): Promise<{ track: MediaStreamTrack; replaced: boolean }> {
  try {
    return { track: await first(constraints(kind, id, quality)), replaced: false };
  } catch (error) {
    const gone = error instanceof DOMException && (error.name === 'OverconstrainedError' || error.name === 'NotFoundError');
    if (!id || !gone) throw error;
    return { track: await first(constraints(kind, '', quality)), replaced: true };
  }
}

async function first(wanted: MediaStreamConstraints): Promise<MediaStreamTrack> {
  if (!devicesReachable()) throw new DOMException('no media devices', 'SecurityError');
  const [track] = (await navigator.mediaDevices.getUserMedia(wanted)).getTracks();
  if (!track) throw new DOMException('no track', 'NotFoundError');
  return track;
}

/** Opens a camera and a microphone with one prompt. */
export async function openBoth(camera: string, microphone: string, quality: Quality): Promise<Record<Kind, MediaStreamTrack>> {
  if (!devicesReachable()) throw new DOMException('no media devices', 'SecurityError');
  const stream = await navigator.mediaDevices.getUserMedia({
    ...constraints('camera', camera, quality),
    ...constraints('microphone', microphone, quality),
  });
  const [video] = stream.getVideoTracks();
  const [audio] = stream.getAudioTracks();
  if (!video || !audio) throw new DOMException('no track', 'NotFoundError');
  return { camera: video, microphone: audio };
}

/** Says whether the browser would open this kind without asking; false where it does not tell. */
export async function allowedAlready(kind: Kind): Promise<boolean> {
  try {
    const { state } = await navigator.permissions.query({ name: kind as PermissionName });
    return state === 'granted';
  } catch {
    return false;
  }
}

/** Lists the devices of a kind; `chosen` is the id in use, or `none`. */
export async function listDevices(kind: Kind, chosen: string): Promise<Device[]> {
  const all = devicesReachable() ? await navigator.mediaDevices.enumerateDevices() : [];
  return deviceList(kind, all, chosen);
}

/** Makes the list that a select shows. Before permission browsers hide ids and names: such entries cannot be chosen. */
export function deviceList(kind: Kind, all: readonly Pick<MediaDeviceInfo, 'kind' | 'deviceId' | 'label'>[], chosen: string): Device[] {
  const devices = all
    .filter((device) => device.kind === kinds[kind] && device.deviceId !== '')
    .map((device, i) => ({ id: device.deviceId, label: device.label || `${kind === 'camera' ? 'Camera' : 'Microphone'} ${i + 1}`, chosen: false }));
  const list = [...devices, { id: none, label: kind === 'camera' ? 'No camera' : 'No microphone', chosen: false }];
  const found = list.find((device) => device.id === chosen) ?? list.at(-1);
  if (found) found.chosen = true;
  return list;
}

/** The sentence for a device that did not open: what is the matter, and what to do. */
export function deviceSentence(kind: Kind | 'both', error: unknown, secure: boolean): string {
  const what = kind === 'both' ? 'camera and microphone' : kind;
  if (!secure) {
    return `Browsers open a ${kind === 'both' ? 'camera or microphone' : kind} only on https:// pages or on localhost. Open this page by its https:// address.`;
  }
  switch (error instanceof Error || error instanceof DOMException ? error.name : '') {
    case 'NotAllowedError':
      return `Your browser blocks the ${what}. Click the ${kind === 'microphone' ? 'microphone' : 'camera'} or lock sign beside the address, choose “Allow”, then ask again.`;
    case 'NotFoundError':
      return `No ${kind === 'both' ? 'camera or microphone' : kind} was found. Plug one in and it appears here, or enter without.`;
    case 'NotReadableError':
    case 'AbortError':
      return `The ${what} cannot be started; most likely another program uses ${kind === 'both' ? 'them' : 'it'}. Close that program, or choose another device.`;
    case 'OverconstrainedError':
      return `This ${what} cannot do what is asked of it. Choose another device or a smaller picture.`;
    case 'SecurityError':
      return `This page may not use the ${what}. Your browser or your organisation has switched it off in its settings.`;
  }
  return `The ${what} could not be opened. Unplug and plug in again, or restart the browser.`;
}
