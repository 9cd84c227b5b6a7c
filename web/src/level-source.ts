// Where samples come from. An AnalyserNode is cheap, but browsers keep an AudioContext asleep until the person has touched the page;
// whoever comes back to the green room with a click on a bookmark would see a dead meter. Where there are insertable
// streams, the frames are read from the track itself for as long as that lasts.

export interface LevelSource {
  /** The newest samples, -1..1. */
  samples(): Float32Array;
  close(): void;
}

export function analyse(context: AudioContext, track: MediaStreamTrack): LevelSource {
  const source = context.createMediaStreamSource(new MediaStream([track]));
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  return {
    samples() {
      analyser.getFloatTimeDomainData(samples);
      return samples;
    },
    close: () => source.disconnect(),
  };
}

// TypeScript's library does not have this yet. W3C mediacapture-transform 3.1
interface TrackProcessor {
  readonly readable: ReadableStream<AudioData>;
}
type TrackProcessorClass = new (init: { track: MediaStreamTrack; maxBufferSize?: number }) => TrackProcessor;

/** Reads frames off the track; undefined where the browser cannot. */
export function readFrames(track: MediaStreamTrack): LevelSource | undefined {
  const Processor = (globalThis as { MediaStreamTrackProcessor?: TrackProcessorClass }).MediaStreamTrackProcessor;
  if (!Processor) return undefined;
  let reader: ReadableStreamDefaultReader<AudioData>;
  try {
    reader = new Processor({ track, maxBufferSize: 10 }).readable.getReader();
  } catch {
    return undefined; // only video, in this browser
  }
  let samples = new Float32Array(0);
  const read = async () => {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      if (samples.length !== value.numberOfFrames) samples = new Float32Array(value.numberOfFrames);
      value.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
      value.close();
    }
  };
  void read().catch(() => undefined); // the track ended
  return { samples: () => samples, close: () => void reader.cancel().catch(() => undefined) };
}
