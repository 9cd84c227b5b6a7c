// Package footage makes the media of a load test: RTP payloads that look to a server like those of a browser, cost nothing to make, and
// say when they were sent.
//
//	NewH264, NewVP8, NewClip ──▶ Video ──Frame──▶ payloads of one picture
//	NewOpus ──▶ Audio ──Payload──▶ payload of 20 ms of sound
//	payload ──ReadMark──▶ Mark: run, source, number, time
//
// H.264 and Opus decode: the picture is grey and stands still, the sound is silence, and what is missing to the wanted rate is filler that
// decoders skip (filler data units of H.264, padding of Opus). A VP8 frame has the right headers and nothing behind them that decodes. A clip
// is real H.264, read from a file.
//
// A [Mark] lies at byte [MarkAt] of a payload, behind everything that a codec or a server looks at. Nearly every packet has one; those that
// carry coded pictures have not, and are numbered all the same: the number in a mark counts the packets of its source, marked or not. Its bytes
// have their highest bit set, so that they never form a start code.
//
// Nothing here is safe for concurrent use; a Video or Audio belongs to one publisher. What Frame and Payload return is good until the next call.
package footage
