package sfu

import (
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// How long a connection may be silent. A publisher that is gone has to leave the picture soon, a viewer that changes networks may
// take its time.
const (
	publisherQuiet  = 2500 * time.Millisecond // then disconnected
	publisherGone   = 1500 * time.Millisecond // after that, ended
	publisherPulse  = 1 * time.Second         // between keep-alives
	subscriberQuiet = 9 * time.Second         // then ended
	connectTimeout  = 15 * time.Second        // from the answer to a connection that carries media
)

// maxPacket is the largest datagram read from a publisher: an Ethernet frame's worth and some.
const maxPacket = 1600

// feedbackInterval is between two transport-cc reports to a publisher.
const feedbackInterval = 100 * time.Millisecond

// newAPI makes what publishers' connections are made with.
func newAPI(mux ice.UDPMux, publicIPs []string, log *slog.Logger) (*webrtc.API, error) {
	media, interceptors := &webrtc.MediaEngine{}, &interceptor.Registry{}
	if err := registerCodecs(media); err != nil {
		return nil, fmt.Errorf("register codecs: %w", err)
	}
	if err := registerReceiving(media, interceptors); err != nil {
		return nil, fmt.Errorf("register interceptors: %w", err)
	}
	settings, err := newSettings(mux, publicIPs, log)
	if err != nil {
		return nil, err
	}
	// pion's own time to fail also limits how long connecting may take, so it is the longer one; peer ends a silent session.
	settings.SetICETimeouts(publisherQuiet, connectTimeout, publisherPulse)
	return webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(interceptors), webrtc.WithSettingEngine(settings)), nil
}

func newSettings(mux ice.UDPMux, publicIPs []string, log *slog.Logger) (webrtc.SettingEngine, error) {
	s := webrtc.SettingEngine{LoggerFactory: pionLoggers{log}}
	s.SetICEUDPMux(mux)
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	s.SetIncludeLoopbackCandidate(true) // only what the sockets are bound to becomes a candidate
	s.DisableActiveTCP(true)
	s.SetReceiveMTU(maxPacket)
	// AES-GCM first: it costs a sixth of AES-CM with SHA-1.
	s.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80)
	if err := s.SetAnsweringDTLSRole(webrtc.DTLSRoleServer); err != nil {
		return s, fmt.Errorf("choose the DTLS role: %w", err)
	}
	var rules []webrtc.ICEAddressRewriteRule
	for _, ip := range publicIPs {
		if net.ParseIP(ip) == nil {
			return s, fmt.Errorf("public address %q is not an IP address", ip)
		}
		rules = append(rules, webrtc.ICEAddressRewriteRule{
			External:        []string{ip},
			AsCandidateType: webrtc.ICECandidateTypeHost,
			Mode:            webrtc.ICEAddressRewriteReplace,
		})
	}
	if err := s.SetICEAddressRewriteRules(rules...); err != nil {
		return s, fmt.Errorf("announce public addresses: %w", err)
	}
	return s, nil
}

// registerCodecs tells pion what is served. The payload types are placeholders: an answer uses those of the offer.
func registerCodecs(m *webrtc.MediaEngine) error {
	opus := webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1",
			RTCPFeedback: []webrtc.RTCPFeedback{{Type: "transport-cc"}},
		},
		PayloadType: 111,
	}
	if err := m.RegisterCodec(opus, webrtc.RTPCodecTypeAudio); err != nil {
		return err
	}
	next := webrtc.PayloadType(35)
	video := func(mime, fmtp string) error {
		err := m.RegisterCodec(webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: mime, ClockRate: 90000, SDPFmtpLine: fmtp,
				RTCPFeedback: []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "transport-cc"}},
			},
			PayloadType: next,
		}, webrtc.RTPCodecTypeVideo)
		if err != nil {
			return err
		}
		err = m.RegisterCodec(webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeRTX, ClockRate: 90000, SDPFmtpLine: fmt.Sprintf("apt=%d", next)},
			PayloadType:        next + 1,
		}, webrtc.RTPCodecTypeVideo)
		next += 2
		return err
	}
	if err := video(webrtc.MimeTypeVP8, ""); err != nil {
		return err
	}
	for _, profile := range h264Profiles {
		for _, mode := range []int{1, 0} {
			fmtp := fmt.Sprintf("level-asymmetry-allowed=1;packetization-mode=%d;profile-level-id=%s1f", mode, profile)
			if err := video(webrtc.MimeTypeH264, fmtp); err != nil {
				return err
			}
		}
	}
	return nil
}

// registerReceiving sets up what a publisher needs to send well: NACK for its losses, transport-cc for its rate, receiver reports.
func registerReceiving(m *webrtc.MediaEngine, r *interceptor.Registry) error {
	for _, extension := range []struct {
		uri   string
		kinds []webrtc.RTPCodecType
	}{
		{sdp.SDESMidURI, []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo}},
		{sdp.TransportCCURI, []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo}},
		{sdp.AudioLevelURI, []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio}},
	} {
		for _, kind := range extension.kinds {
			if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: extension.uri}, kind); err != nil {
				return err
			}
		}
	}
	lost, err := nack.NewGeneratorInterceptor()
	if err != nil {
		return err
	}
	feedback, err := twcc.NewSenderInterceptor(twcc.SendInterval(feedbackInterval))
	if err != nil {
		return err
	}
	reports, err := report.NewReceiverInterceptor()
	if err != nil {
		return err
	}
	r.Add(lost)
	r.Add(feedback)
	r.Add(reports)
	return nil
}
