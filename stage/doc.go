// Package stage is the stage service: stages, participant tokens, who is where, who may send and receive what, and what has happened.
//
// It owns the rules. Media is the business of an Engine, memory that of a Store, the way to other nodes that of a Bus; the package says
// what it needs of them and knows nothing else about them. Nothing here speaks a protocol: edges call Service, the one door, and map
// Error codes to their own words.
//
// Data flow. Every stage where something goes on has a room (room.go), and every room one goroutine, which alone touches it. Service
// methods send it turns and wait; the media plane and clocks leave turns and do not wait. After each turn the room settles: it
// applies the new program to the Engine, starts and stops its clocks, and publishes the new snapshot, in this order, so that
// nobody is told what the media plane does not do yet, or does still. Only then is the caller answered.
//
//	rtcapi, ivsapi, site → Service → turn → room → Engine.Apply → Bus.PublishNotice → answer
//	Engine → Started, Closed → turn (nobody waits)
//
// What takes time happens outside of turns: the Engine works on offers between two turns, one that reserves the slot and one that
// takes the result (resource.go); media sessions are closed by goroutines that the service waits for when it ends; history goes
// to the store through a queue (history.go), and once a day what is too old leaves it (sweep.go); LiveChanged is called by the announcer (live.go). Turns do wait for the store where a
// promise depends on it: a revocation, a broadcast's begin and end, and a participant's place backstage are stored before anybody is told.
//
// Invariants.
//
//   - A token is one participant, and a participant has one client: all its media belongs to that client. A second client takes over.
//   - A connection that publishes has a slot and an entry in the program before the Engine sees its offer, until it ends.
//   - Snapshots hold no viewers, only their number, and are never changed once published; a viewer who comes or goes costs one map entry.
//     Hosts who do not publish are listed up to maxListed.
//   - A gated stage that is live and has no publisher has a running clock, also after a restart: Open loads the rooms of all live stages.
//   - A room that has nobody, no session and no broadcast leaves memory; all that outlives it is in the store.
//   - One room owns one stage: two processes on one store would each have a room of their own.
//
// Locks. Service.mu guards the table of rooms and is held for no longer than that, except that a room that leaves calls Engine.Forget
// under it. A queue's lock, which callbacks of the Engine take, is the last one: nothing is called while it is held. The goroutine
// of a room holds no lock while it calls the Engine, so Engine methods may take any lock that its callbacks are called under. What they must not
// do is wait for a callback's effect.
package stage
