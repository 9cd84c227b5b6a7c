// Package forwarded answers one question: from which address does a request come?
//
// It owns the reading of X-Forwarded-For. That header is a list to which each proxy appends the address that it saw, so only the last
// entry is the word of the proxy in front of this program; everything before it, and all of it where there is no proxy, is whatever the
// client has written. There is no state.
package forwarded
