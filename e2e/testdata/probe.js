// Runs in every page before the page's own scripts: it gives tests eyes and ears, and changes nothing the page can notice.
(() => {
  "use strict";

  // All peer connections of the page, to count what really arrives.
  const connections = [];
  const RealConnection = window.RTCPeerConnection;
  if (RealConnection) {
    window.RTCPeerConnection = new Proxy(RealConnection, {
      construct(target, args) {
        const connection = new target(...args);
        connections.push(connection);
        return connection;
      },
    });
  }

  // A lone bad answer of a media element must not end a poll.
  const find = (selector) => document.querySelector(selector);

  const nearest = (r, g, b, paints) => {
    let best = "none", distance = 110 * 110;
    for (const [name, [pr, pg, pb]] of Object.entries(paints)) {
      const d = (r - pr) ** 2 + (g - pg) ** 2 + (b - pb) ** 2;
      if (d < distance) [best, distance] = [name, d];
    }
    return best;
  };

  window.probe = {
    // look draws a video small and returns which paint most of its pixels have, and their brightness for comparing.
    look(selector, paints) {
      const video = find(selector);
      if (!video) return { missing: true, paint: "missing", pixels: [] };
      const quality = video.getVideoPlaybackQuality();
      const seen = {
        missing: false, paint: "none", pixels: [], frames: quality.totalVideoFrames, time: video.currentTime,
        width: video.videoWidth, height: video.videoHeight, paused: video.paused, muted: video.muted,
      };
      if (!video.videoWidth) return seen;
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [64, 36];
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(video, 0, 0, 64, 36);
      const { data } = context.getImageData(0, 0, 64, 36);
      const votes = {};
      for (let i = 0; i < data.length; i += 4) {
        const paint = nearest(data[i], data[i + 1], data[i + 2], paints);
        votes[paint] = (votes[paint] ?? 0) + 1;
        if ((i / 4) % 4 === 0) seen.pixels.push(Math.round((data[i] + data[i + 1] + data[i + 2]) / 3));
      }
      const total = 64 * 36;
      for (const [paint, count] of Object.entries(votes)) {
        if (paint !== "none" && count > total / 2) seen.paint = paint;
      }
      return seen;
    },

    // hear measures the loudest moment (root mean square, 0 to 1) of an element's sound within some milliseconds.
    async hear(selector, milliseconds) {
      const element = find(selector);
      if (!element) return { missing: true, peak: 0 };
      const seen = { missing: false, paused: element.paused, muted: element.muted, volume: element.volume, peak: 0, state: "" };
      const stream = element.srcObject;
      if (!stream || stream.getAudioTracks().length === 0) return { ...seen, state: "no audio track" };
      const context = new AudioContext();
      try {
        await Promise.race([context.resume(), new Promise((done) => setTimeout(done, 500))]);
        const analyser = context.createAnalyser();
        analyser.fftSize = 2048;
        context.createMediaStreamSource(stream).connect(analyser);
        const samples = new Float32Array(analyser.fftSize);
        const end = performance.now() + milliseconds;
        while (performance.now() < end) {
          await new Promise((done) => setTimeout(done, 20));
          analyser.getFloatTimeDomainData(samples);
          let sum = 0;
          for (const sample of samples) sum += sample * sample;
          seen.peak = Math.max(seen.peak, Math.sqrt(sum / samples.length));
        }
        seen.state = context.state;
      } finally {
        await context.close();
      }
      return seen;
    },

    // received counts what this page's peer connections have received: packets, decoded frames, sound energy, connections.
    async received() {
      const total = { connections: 0, audioPackets: 0, videoPackets: 0, framesDecoded: 0, audioEnergy: 0 };
      for (const connection of connections) {
        if (connection.connectionState === "closed") continue;
        total.connections++;
        for (const report of (await connection.getStats()).values()) {
          if (report.type !== "inbound-rtp") continue;
          if (report.kind === "audio") {
            total.audioPackets += report.packetsReceived ?? 0;
            total.audioEnergy += report.totalAudioEnergy ?? 0;
          } else {
            total.videoPackets += report.packetsReceived ?? 0;
            total.framesDecoded += report.framesDecoded ?? 0;
          }
        }
      }
      return total;
    },

    // composite returns where the tiles of the composite stand, as fractions of the composite's box.
    composite() {
      const box = find("#composite")?.getBoundingClientRect();
      if (!box || !box.width) return { ratio: 0, tiles: [] };
      const tiles = [...document.querySelectorAll("#composite [data-composite-tile]")].map((tile) => {
        const r = tile.getBoundingClientRect();
        return {
          id: tile.dataset.compositeTile,
          left: (r.left - box.left) / box.width, top: (r.top - box.top) / box.height,
          width: r.width / box.width, height: r.height / box.height,
        };
      });
      return { ratio: box.width / box.height, tiles };
    },

    // tiles returns the participants' tiles of the studio in the order of the page.
    tiles() {
      return [...document.querySelectorAll("[data-tile]")].map(({ dataset: d }) => ({
        id: d.tile, name: d.name ?? "", local: d.local === "true", screen: d.screen === "true",
        audioMuted: d.audioMuted === "true", videoStopped: d.videoStopped === "true",
        speaking: d.speaking === "true", onAir: d.onAir === "true",
      }));
    },
  };

  // Encoding at 720p for several hosts is more than two cores can do.
  try {
    if (!localStorage.getItem("streamcat.quality")) localStorage.setItem("streamcat.quality", "360");
  } catch {
    // about:blank has no storage.
  }
})();
