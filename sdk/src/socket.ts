/** A WebSocket, as much of it as is used. This file alone touches the browser's. */
export interface Socket {
  onopen: (() => void) | null;
  onmessage: ((data: unknown) => void) | null;
  /** The socket is gone, or was never there. It is called once. */
  onclose: ((code: number, reason: string) => void) | null;
  send(text: string): void;
  close(): void;
}

/** Opens a WebSocket of the browser. */
export function openBrowserSocket(url: string, protocol: string): Socket {
  const web = new WebSocket(url, [protocol]);
  const socket: Socket = {
    onopen: null,
    onmessage: null,
    onclose: null,
    send: (text) => {
      if (web.readyState === WebSocket.OPEN) web.send(text);
    },
    close: () => web.close(1000),
  };
  web.onopen = () => socket.onopen?.();
  web.onmessage = (event) => socket.onmessage?.(event.data);
  web.onclose = (event) => socket.onclose?.(event.code, event.reason);
  return socket;
}
