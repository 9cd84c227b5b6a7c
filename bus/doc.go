// Package bus carries what every node has to hear: NATS, embedded in the process or shared by several.
//
// It owns the connection, the embedded server when no other is named, and every subject (subjects.go). What is on the bus is
// never the truth, only news of it: the store has what must not be lost, and a notice holds the complete state, so that a lost one is made
// good by the next.
//
// Data flow: stage.Service publishes a Notice; it is encoded once, and every process that has subscribed to that stage
// decodes it once, on one goroutine for each subscription, in the order of publishing.
//
// Invariants: ids become part of a subject only after they were checked; no message is larger than maxNotice. The embedded server
// opens no port. Close returns after the last callback has.
//
// Locks: Bus.mu guards only whether the bus is closed and is never held while a callback runs.
package bus
