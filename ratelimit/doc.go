// Package ratelimit answers one question: may this one do that again now?
//
// A [Bucket] is one token bucket, kept as a single instant (the generic cell rate algorithm): the time at which it will be
// full again. A [Limiter] keeps one bucket for every key, where a key is whatever should share a budget: an account, a
// token, or the [Prefix] of an address.
//
// Invariants: a limiter never holds more keys than its bound, whatever arrives. A key that has not been seen for as long as
// a bucket takes to fill is forgotten, which changes no answer. There are no goroutines and no timers.
//
// Locks: a Limiter has one mutex, held for a map access. A Bucket has none; its owner serialises.
package ratelimit
