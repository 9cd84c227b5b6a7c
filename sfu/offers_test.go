package sfu

import "strings"

const (
	testFingerprint = "sha-256 05:48:BD:3D:11:1A:0D:41:C0:D7:2B:57:D0:8D:DA:3E:5D:8E:33:15:37:73:52:8B:24:2C:D9:D4:8B:9F:88:26"
	sessionLines    = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
	transportLines  = "c=IN IP4 0.0.0.0\r\na=ice-ufrag:RqPL\r\na=ice-pwd:rVEKCbCQB8MqeBImg7Px9uYV\r\na=fingerprint:" + testFingerprint + "\r\na=setup:actpass\r\na=rtcp-mux\r\n"

	audioSection = "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\n" + transportLines + "a=mid:0\r\na=DIRECTION\r\n" +
		"a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n" +
		"a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:0 PCMU/8000\r\na=ssrc:11 cname:x\r\n"
	videoSection = "m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 98\r\n" + transportLines + "a=mid:1\r\na=DIRECTION\r\n" +
		"a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n" +
		"a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 ccm fir\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n" +
		"a=rtpmap:102 H264/90000\r\na=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\na=rtpmap:103 rtx/90000\r\na=fmtp:103 apt=102\r\n" +
		"a=rtpmap:98 VP9/90000\r\na=ssrc-group:FID 12 13\r\na=ssrc:12 cname:x\r\na=ssrc:13 cname:x\r\n"
)

func directed(direction string) string {
	return strings.ReplaceAll(audioSection+videoSection, "DIRECTION", direction)
}

// publishOffer and subscribeOffer are as small as offers of both kinds can be and still be complete.
var (
	publishOffer   = sessionLines + directed("sendonly")
	subscribeOffer = sessionLines + directed("recvonly")
)
