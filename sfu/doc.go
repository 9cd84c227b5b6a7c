// Package sfu is the media plane: it takes in what hosts send and forwards it to those who may receive it. It implements
// stage.Engine and is the only package that knows pion/webrtc.
//
// # Flow of a packet
//
// A publication (a pion PeerConnection that answers) reads a track in a goroutine of its own. The track stores each packet in
// its packetcache and tells the shards, through a bounded queue each, that number so-and-so is there. A shard is one
// goroutine; it owns a share of all viewers. It takes what is queued as a batch, copies the packets out of the caches once, and goes
// through the stage's viewers: each downlink looks up which of its outputs carries the track, gives the packet a number and a
// timestamp of that output's stream (seqmap), and hands it to its transport, which encrypts and sends. A full queue drops:
// the viewers of that shard wait for the next keyframe of that track, the publisher and the other shards notice nothing.
//
// What comes back: a NACK is answered from the track's cache, with the map's memory of which packet had the number; a
// PLI becomes a request to the keyframes of the track, which asks the publisher at most twice a second for everybody together.
//
// A publisher's sender reports are translated to the server's clock, one offset for all tracks of a publisher, and sent on for each output, so
// that audio and video of a slot stay in sync when the slot changes hands.
//
// # Who may receive
//
// The router of a stage holds the program, the publishers and the subscribers. Whenever one of them changes it computes what each
// output carries and sets it under the downlink's lock. Every packet, also a repeated one, is checked under the same lock and written
// before it is released. Therefore, when Apply returns, nothing that the new program forbids is sent any more.
//
// # The seam
//
// A downlink knows its transport by two methods (transport.go) and what was agreed for each section. Today the transport is a
// PeerConnection (subscription.go); one that does without needs to implement the same and call downlink.feedback.
//
// # Addresses
//
// One UDP port serves everybody; sessions are told apart by the user name fragment of their connectivity checks. What the sockets
// are bound to is what clients are told. A loopback address alone is enough for a page on http://localhost: Chromium connects to 127.0.0.1 with
// and without camera permission (chromium_test.go), though it tells no loopback candidates of its own. Without permission it tells no addresses at
// all; they are learned from its checks. Pages on other machines need a socket on an address they can reach, or PublicIPs.
//
// # Goroutines
//
// The engine owns the shards. Each session counts in Engine.sessions until peer.end has closed its connection and waited for
// the goroutines that read from it (peer.routines). Callbacks of the owner (Started, Closed) run in those goroutines, never with a lock
// held, and Closed after the others. Engine.Close ends all sessions and waits for everything.
//
// # Lock order
//
// Engine.mu, peer.patching, peer.changing, router.mu, downlink.mu, then peer.mu and the locks of caches and clocks, which hold nothing else. Engine.mu is not held while a
// router's is taken. Nothing blocks under router.mu or downlink.mu.
package sfu
