// Package sdpfrag reads and writes application/trickle-ice-sdpfrag (RFC 8840), the body of a WHIP PATCH (RFC 9725 4.3): ICE credentials and
// candidates without the rest of a session description.
//
// What it reads comes from strangers. Sizes are limited, control characters are refused, unknown lines are skipped as
// RFC 8840 9 asks for; whatever Parse accepts, String writes so that Parse reads the same again.
package sdpfrag
