// Package server is the composition root: it turns a Config into a running StreamCat.
//
// It owns the listeners (HTTP, media UDP, admin) and the order in which parts start and stop; it holds no rules of its own.
// Start opens, from the bottom up, store, bus, sfu, stage service, site service, and then the edges rtcapi and web, which
// share one HTTP listener: /rtc/ is for tokens and any origin, everything else is for cookies and this origin. Close goes the
// other way: clients are told to come back later, requests drain, media ends, the store closes last.
//
// The program is a value: tests, the dev playground and production take the same path.
package server
