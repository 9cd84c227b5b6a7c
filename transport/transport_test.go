package transport

import (
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/rtcp"

	"streamcat/srtp"
)

// packet makes the header and payload of an RTP packet; the payload is VP8 and tells its number.
func packet(ssrc uint32, payloadType byte, index uint64, size int) (header, payload []byte) {
	header = make([]byte, 12)
	header[0], header[1] = 2<<6, payloadType
	binary.BigEndian.PutUint16(header[2:], uint16(index))
	binary.BigEndian.PutUint32(header[4:], uint32(index)*3000)
	binary.BigEndian.PutUint32(header[8:], ssrc)
	payload = make([]byte, size)
	payload[0] = 0x10
	binary.BigEndian.PutUint64(payload[8:], index)
	return header, payload
}

// play sends bursts until n packets of a stream have arrived, and checks them.
func play(t testing.TB, c *client, s *served, first uint64, n int) {
	t.Helper()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		b := s.t.NewBatch(s.Shard())
		for index := first; ; index++ {
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
			for _, stream := range []struct {
				ssrc uint32
				pt   byte
				size int
			}{{videoSSRC, 96, 1100}, {audioSSRC, 111, 80}} {
				header, payload := packet(stream.ssrc, stream.pt, index, stream.size)
				if err := s.AppendRTP(b, header, payload, index); err != nil && !errors.Is(err, ErrNotConnected) {
					t.Error(err)
				}
			}
			if err := b.Flush(); err != nil {
				t.Error(err)
			}
		}
	}()
	defer func() {
		close(stop)
		<-stopped
	}()
	for range 2 {
		if first > 1<<16 {
			break // the tracks are known already
		}
		track := wait(t, "a track", c.tracks)
		for range n {
			p, _, err := track.ReadRTP()
			if err != nil {
				t.Fatal(err)
			}
			if index := binary.BigEndian.Uint64(p.Payload[8:]); uint16(index) != p.SequenceNumber {
				t.Errorf("packet %d has number %d", index, p.SequenceNumber)
			}
		}
	}
}

func TestConnect(t *testing.T) {
	for _, test := range []struct {
		name, address, network string
		profiles               []dtls.SRTPProtectionProfile
		want                   srtp.Profile
		lite                   bool
	}{
		{"IPv4, GCM", "127.0.0.1:0", "udp4", nil, srtp.AEADAES128GCM, false},
		{"IPv6, GCM", "[::1]:0", "udp6", nil, srtp.AEADAES128GCM, false},
		{"counter mode", "127.0.0.1:0", "udp4", []dtls.SRTPProtectionProfile{dtls.SRTP_AES128_CM_HMAC_SHA1_80}, srtp.AES128CMHMACSHA180, false},
		{"client prefers counter mode", "127.0.0.1:0", "udp4", []dtls.SRTPProtectionProfile{dtls.SRTP_AES128_CM_HMAC_SHA1_80, dtls.SRTP_AEAD_AES_128_GCM}, srtp.AEADAES128GCM, false},
		{"client takes the server for lite", "127.0.0.1:0", "udp4", nil, srtp.AEADAES128GCM, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			tr := listenFor(t, Config{Address: test.address, Shards: 2})
			c := newClient(t, clientOptions{network: test.network, profiles: test.profiles})
			remote, fingerprint := remoteOf(c.offer(t, nil))
			began := time.Now()
			s := serve(t, tr, remote, fingerprint)
			c.accept(t, answer(tr, s.Local(), test.lite, ""))
			if profile := wait(t, "the server side", s.connected); profile != test.want {
				t.Errorf("profile %v, want %v", profile, test.want)
			}
			wait(t, "the client side", c.connected)
			t.Logf("connected after %v", time.Since(began))
			play(t, c, s, 65530, 20)
			if err := c.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: videoSSRC}}); err != nil {
				t.Fatal(err)
			}
			packets, err := rtcp.Unmarshal(wait(t, "feedback", s.feedback))
			if err != nil || fmt.Sprintf("%T", packets[0]) != "*rtcp.PictureLossIndication" {
				t.Errorf("feedback %v, %v", packets, err)
			}
			s.mu.Lock()
			if s.flight != nil || s.inbox != nil {
				t.Error("a connected peer keeps what it had for the handshake")
			}
			s.mu.Unlock()
		})
	}
}
