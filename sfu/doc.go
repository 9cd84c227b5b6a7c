// Package sfu is the media plane: it takes in what hosts send and forwards it to those who may receive it. It implements
// stage.Engine and is the only package that knows pion/webrtc.
//
// # Flow of a packet
//
// A publication (a pion PeerConnection that answers) reads a track in a goroutine of its own. The track stores each packet in
// its packetcache and tells the shards, through a bounded queue each, that number so-and-so is there. A shard is one
// goroutine; it owns a share of all viewers. It gathers the packets of a stage until the frames among them are whole, but not for long
// (burst.go), copies them out of the caches once, pads those of a frame to one size, and goes through the stage's viewers: each downlink
// looks up which of its outputs carries a track, gives the packets numbers and timestamps of that output's stream (seqmap), and hands them to
// its carrier, which seals them into the shard's batch. So the packets of one viewer lie one behind the other, and leave as one message when
// the batch is flushed. A full queue drops: the viewers of that shard wait for the next keyframe of that track, the publisher and
// the other shards notice nothing.
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
// output carries and sets it under the downlink's lock. Every packet is checked under the same lock and queued before it is released, and
// Apply waits until the shards have sent what they had queued (shard.settle); a repeated packet is sent before the lock is released.
// Therefore, when Apply returns, nothing that the new program forbids is sent any more.
//
// # Viewers and publishers
//
// Whoever receives, audience or host, has a transport.Peer: no PeerConnection, no goroutine, and some kilobytes. The answer is written from
// what was understood of the offer (answer.go), and the client's feedback comes to downlink.feedback in the goroutine of the socket that got
// it. Publishers have pion PeerConnections over the same sockets (listen.go).
//
// One sequence number of a stream is never used for two packets, nor for one packet with different bytes, as SRTP's keys would be given away: RTX
// packets have numbers of their own, and what is repeated under its own number is neither padded nor changed in any other way.
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
// The engine owns the shards and the Transport. Each session counts in Engine.sessions until it has ended: a publisher's when peer.end has closed
// the connection and waited for the goroutines that read from it (peer.routines), a subscriber's when its owner was told. Callbacks of the
// owner (Started, Closed) run in those goroutines, never with a lock held, and Closed after the others. Engine.Close ends all
// sessions and waits for everything.
//
// # Lock order
//
// Engine.mu, peer.patching, peer.changing, shard.sending, router.mu, downlink.mu, then peer.mu, subscription.mu, the Transport's locks and those of
// caches and clocks, which hold nothing else of this package. Engine.mu is not held while a router's is taken, and neither shard.sending nor
// router.mu while the other is waited for. Nothing blocks under router.mu or downlink.mu.
package sfu
