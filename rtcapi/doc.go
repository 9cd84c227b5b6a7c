// Package rtcapi is the participants' door to the stage service: WHIP to publish, its sibling to subscribe, and the events
// WebSocket. docs/protocol.md is its contract; routes.go is its whole surface.
//
// It owns the wire: limits, headers, status codes, JSON shapes, sockets. It owns no rule about stages: every decision is asked
// of [Stages], and what a stage looks like arrives as snapshots from [Notices].
//
// # How data flows
//
// A request: route (CORS, rate, recovery, access log) → handler → Stages → answer, or an error that problem.go turns into a
// problem document in one table.
//
// A change: the stage service publishes a notice → the bus calls the [hub]'s room of that stage → the room compares the new
// snapshot with the one shown (diff), encodes each message once per view (hosts, audience) → the same bytes are put into the
// queue of every socket → each socket's writer sends them.
//
// A socket has two goroutines, a reader and a writer. One would do only if reads could be polled, which coder/websocket does not
// offer. A third exists for one round trip every twenty seconds, while a ping waits for its pong. Neither is the goroutine of the
// request, whose 8 KB of buffers are given back; a socket's own are 1 KB each way. Compression is off: it would cost more
// memory than all the rest.
//
// # Invariants
//
//   - A socket is in its room before the service learns of it, so that no order to leave can miss it; it is shown the
//     room's newest snapshot and becomes a member in one step, so that nothing is missed or reordered.
//   - Nobody waits for a socket: its queue is bounded, and a full one ends it with 1013.
//   - Every Connect that the service accepted is followed by exactly one Disconnect.
//   - LEFT is sent at most once, and nothing after it.
//   - A token is never logged; neither is a path or a query, which could hold one.
//
// # Lock order
//
// room.mu, then socket.mu. hub.mu and Server.mu are held with no other. None is held while calling Stages or Notices.
package rtcapi
