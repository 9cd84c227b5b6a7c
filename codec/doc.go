// Package codec answers what a media server has to know about RTP payloads without decoding them: whether a packet is the
// first of a keyframe, and how large the picture is.
//
// H.264 is packed as in RFC 6184, VP8 as in RFC 7741. Payloads come from strangers: every function takes any bytes, reads only
// what is there and keeps nothing.
package codec
