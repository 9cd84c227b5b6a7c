// Package client speaks docs/protocol.md from the other side: what a participant sends. It is used by the tests of the server and
// by the load generator, and is small enough to be read as an example for clients in other languages.
//
// It carries SDP and JSON and knows nothing of WebRTC: offers are given, answers are taken. A [Client] is one participant, which
// may have media resources ([Client.Publish], [Client.Subscribe]) and one events socket ([Client.Connect] for a single one,
// [Client.Listen] for one that comes back).
//
// An idle [Events] has no goroutine of its own: it is read by whoever calls Next, and a timer notices when the server is gone.
package client
