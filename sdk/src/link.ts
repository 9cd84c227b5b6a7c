import { backoff } from './backoff.js';
import { Refusal, StageErrorCode } from './errors.js';
import type { Peer, PeerState } from './peer.js';
import type { LinkState } from './strategy.js';
import { deleteResource, postOffer, toRefusal } from './whip.js';
import type { Requests, Resource } from './whip.js';

const givesUpAfter = 30_000; // ms of trying
const connectsWithin = 8_000; // ms from the answer to the first media path
const mayBeInterrupted = 2_500; // ms; a change of network often heals by itself within this time
const explainsWithin = 200; // ms from a connection that the server ended to the message that says why: often there is nothing to build anew
const calm = 1_000; // ms between a failure and a try that the app asks for

/** What a link is made of. */
export interface LinkOptions<P extends Peer> {
  readonly requests: Requests;
  readonly url: string;
  createPeer(): P;
  /** Called after every change of state; with the reason when it is `errored`. */
  onstate(state: LinkState, refusal?: Refusal): void;
}

/**
 * One media connection that is wanted: made, watched, and made anew when it breaks, until it is stopped or thirty seconds of tries
 * have failed. It tries only while the events socket is open: without it nothing else can be reached either, and the server
 * ends media whose client is gone.
 */
export class Link<P extends Peer> {
  readonly #options: LinkOptions<P>;
  #state: LinkState = 'idle';
  #peer: P | undefined;
  #resource: Resource | undefined;
  #run = 0; // counts attempts; what comes back to an older one is ignored
  #tries = 0;
  #since = 0;
  #failedAt = -Infinity;
  #suspended = false;
  #timer: unknown;

  constructor(options: LinkOptions<P>) {
    this.#options = options;
  }

  get state(): LinkState {
    return this.#state;
  }

  /** The connection of the current attempt. */
  get peer(): P | undefined {
    return this.#peer;
  }

  /** Wants the connection. It does nothing while that is under way; after giving up it tries again. */
  start(): void {
    if (this.#state !== 'idle' && this.#state !== 'errored') return;
    const since = this.#now() - this.#failedAt;
    this.#begin(this.#state === 'errored' ? Math.max(0, calm - since) : 0);
  }

  /** Wants it no more. */
  stop(endOnServer = true): void {
    this.#drop();
    if (this.#resource && endOnServer) deleteResource(this.#options.requests, this.#resource);
    this.#resource = undefined;
    this.#set('idle');
  }

  /** Makes it anew, because it no longer fits. */
  rebuild(): void {
    if (this.#state !== 'idle') this.#begin(0);
  }

  /** The events socket is gone: media that flows may go on, tries wait. */
  suspend(): void {
    this.#suspended = true;
    if (this.#state === 'connecting') this.#drop();
  }

  /** The events socket is back; `alive` are the resources that the server still has. */
  resume(alive: readonly string[]): void {
    this.#suspended = false;
    if (this.#state === 'idle') return;
    if (!this.#resource || !alive.includes(this.#resource.id)) this.#resource = undefined;
    else if (this.#state === 'connected') return;
    this.#begin(0);
  }

  /** The network has changed: a try that waits, or hangs, is worth starting now. */
  hurry(): void {
    if (this.#state === 'connecting' && !this.#suspended) this.#begin(0);
  }

  #begin(delay: number): void {
    this.#drop();
    this.#resource = undefined;
    this.#tries = 0;
    this.#since = this.#now();
    this.#set('connecting');
    if (!this.#suspended && this.#state === 'connecting') this.#later(delay);
  }

  #later(delay: number): void {
    const run = ++this.#run;
    if (delay === 0) void this.#attempt(run);
    else this.#wait(delay, () => void this.#attempt(run));
  }

  async #attempt(run: number): Promise<void> {
    try {
      const peer = this.#options.createPeer();
      this.#peer = peer;
      peer.onstate = (state) => this.#peerState(state);
      const offer = await peer.offer();
      if (run !== this.#run) return;
      const { answer, resource } = await postOffer(this.#options.requests, this.#options.url, offer);
      if (run !== this.#run) {
        if (resource && this.#state === 'idle') deleteResource(this.#options.requests, resource);
        return;
      }
      this.#resource = resource;
      this.#wait(connectsWithin, () => this.#fail(new Refusal(StageErrorCode.TIMEOUT, 'No media path to the server was found.', true)));
      await peer.accept(answer);
    } catch (error) {
      if (run === this.#run) this.#fail(toRefusal(error));
    }
  }

  #peerState(state: PeerState): void {
    switch (state) {
      case 'connected':
        this.#clear();
        this.#tries = 0;
        this.#set('connected');
        break;
      case 'disconnected':
        if (this.#state === 'connected') this.#wait(mayBeInterrupted, () => this.#begin(0));
        break;
      case 'failed':
        if (this.#state === 'connected') this.#begin(explainsWithin);
        else this.#fail(new Refusal(StageErrorCode.FAILED, 'The media connection to the server failed.', true));
    }
  }

  #fail(refusal: Refusal): void {
    this.#drop();
    const elapsed = this.#now() - this.#since;
    const delay = Math.max(backoff(this.#tries++, elapsed, this.#options.requests.platform.random()), refusal.retryAfter);
    if (refusal.retry && elapsed + delay <= givesUpAfter) {
      this.#later(delay);
      return;
    }
    this.#failedAt = this.#now();
    this.#set('errored', refusal.retry ? new Refusal(StageErrorCode.FAILED, refusal.message, false) : refusal);
  }

  /** Forgets the current attempt and its connection. */
  #drop(): void {
    this.#run++;
    this.#clear();
    this.#peer?.close();
    this.#peer = undefined;
  }

  #set(state: LinkState, refusal?: Refusal): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#options.onstate(state, refusal);
  }

  #wait(ms: number, then: () => void): void {
    this.#clear();
    this.#timer = this.#options.requests.platform.setTimeout(then, ms);
  }

  #clear(): void {
    this.#options.requests.platform.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #now(): number {
    return this.#options.requests.platform.now();
  }
}
