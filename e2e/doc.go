// Package e2e drives the real program with real browsers. It holds tests only.
//
// TestMain builds the streamcat binary once. Every test starts that binary in a fresh data folder on a free port of the
// loopback interface, opens pages in Debian's Chromium (a process per camera picture, a browser context per person) and
// looks at what a person would look at: whether a picture moves, whose picture it is, whether sound arrives, where a
// tile stands. Nothing is asked of the program that a browser or an HTTP client could not ask.
//
// Who is who: the browser of each host has a fake camera that shows one colour with a bar moving through it, so that a
// test can tell by the pixels of a tile whose picture is in it.
//
// Waiting: tests poll with a deadline (eventually) and sleep only to see that something stays as it is.
//
// Tests run one after the other: encoding video for two hosts keeps two cores busy.
package e2e
