package srtp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/rtp"
	pion "github.com/pion/srtp/v3"
	"pgregory.net/rapid"
)

var profiles = []Profile{AEADAES128GCM, AES128CMHMACSHA180}

func forProfiles(t *testing.T, test func(t *testing.T, p Profile)) {
	for _, p := range profiles {
		t.Run(p.String(), func(t *testing.T) { test(t, p) })
	}
}

type fataler interface {
	Helper()
	Fatal(args ...any)
}

// oracle is a context of another implementation for the same key.
func oracle(t fataler, p Profile, key MasterKey) *pion.Context {
	t.Helper()
	c, err := pion.CreateContext(key.Key[:], key.Salt[:p.saltLen()], pion.ProtectionProfile(p), pion.SRTPNoReplayProtection())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newSender(t fataler, p Profile, key MasterKey) *Sender {
	t.Helper()
	s, err := NewSender(p, key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newReceiver(t fataler, p Profile, key MasterKey) *Receiver {
	t.Helper()
	r, err := NewReceiver(p, key)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func drawBytes(t *rapid.T, name string, least, most int) []byte {
	return rapid.SliceOfN(rapid.Byte(), least, most).Draw(t, name)
}

func drawKey(t *rapid.T, p Profile) (key MasterKey) {
	copy(key.Key[:], drawBytes(t, "key", keyLen, keyLen))
	copy(key.Salt[:], drawBytes(t, "salt", p.saltLen(), p.saltLen()))
	return key
}

// drawHeader makes a header with anything that may be in one but its number.
func drawHeader(t *rapid.T, ssrcs []uint32) *rtp.Header {
	h := &rtp.Header{
		Version: 2, Marker: rapid.Bool().Draw(t, "marker"), PayloadType: uint8(rapid.IntRange(0, 127).Draw(t, "type")),
		Timestamp: rapid.Uint32().Draw(t, "timestamp"), SSRC: rapid.SampledFrom(ssrcs).Draw(t, "ssrc"),
		CSRC: rapid.SliceOfN(rapid.Uint32(), 0, 15).Draw(t, "csrc"),
	}
	for id := range uint8(rapid.IntRange(0, 4).Draw(t, "extensions")) {
		if err := h.SetExtension(id+1, drawBytes(t, "extension", 1, 16)); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// TestRTPAgainstOracle sends packets of several SSRCs, each across a roll-over and with numbers left out, and compares each with what
// another implementation makes of it and opens it to.
func TestRTPAgainstOracle(t *testing.T) {
	forProfiles(t, func(t *testing.T, p Profile) {
		rapid.Check(t, func(t *rapid.T) {
			key := drawKey(t, p)
			s, theirs, remote := newSender(t, p, key), oracle(t, p, key), oracle(t, p, key)
			ssrcs := []uint32{0, 0x11111111, rapid.Uint32Range(0x20000000, 0xffffffff).Draw(t, "an ssrc")}
			next := map[uint32]uint64{}
			for _, ssrc := range ssrcs {
				roc := rapid.Uint32Range(0, 1<<32-2).Draw(t, "roc")
				next[ssrc] = uint64(roc)<<16 + uint64(rapid.IntRange(1<<16-8, 1<<16-1).Draw(t, "first"))
				theirs.SetROC(ssrc, roc)
				remote.SetROC(ssrc, roc)
			}
			arena := make([]byte, 0, rapid.SampledFrom([]int{0, 100, 50000}).Draw(t, "room"))
			for range rapid.IntRange(1, 20).Draw(t, "packets") {
				h := drawHeader(t, ssrcs)
				index := next[h.SSRC]
				next[h.SSRC] += rapid.Uint64Range(1, 20).Draw(t, "step")
				h.SequenceNumber = uint16(index)
				header, err := h.Marshal()
				if err != nil {
					t.Fatal(err)
				}
				payload := drawBytes(t, "payload", 0, 400)
				shared, before := bytes.Clone(payload), bytes.Clone(arena)
				arena, err = s.SealRTP(arena, header, payload, index)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(payload, shared) {
					t.Fatal("the payload was modified")
				}
				sealed, ok := bytes.CutPrefix(arena, before)
				if !ok {
					t.Fatal("what was in the buffer was modified")
				}
				if len(sealed) != len(header)+len(payload)+p.Overhead() {
					t.Fatalf("%d bytes sealed to %d, overhead should be %d", len(header)+len(payload), len(sealed), p.Overhead())
				}
				want, err := theirs.EncryptRTP(nil, append(bytes.Clone(header), payload...), nil)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(sealed, want) {
					t.Fatalf("index %x sealed to %x, want %x", index, sealed, want)
				}
				opened, err := remote.DecryptRTP(nil, sealed, nil)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(opened, append(header, payload...)) {
					t.Fatalf("opened to %x", opened)
				}
			}
		})
	})
}

// TestSealInPlace composes packets where they are sent from.
func TestSealInPlace(t *testing.T) {
	forProfiles(t, func(t *testing.T, p Profile) {
		rapid.Check(t, func(t *rapid.T) {
			s := newSender(t, p, drawKey(t, p))
			h := drawHeader(t, []uint32{7})
			header, err := h.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			payload := drawBytes(t, "payload", 0, 1400)
			want, err := s.SealRTP(nil, header, payload, 0)
			if err != nil {
				t.Fatal(err)
			}
			arena := append(make([]byte, 0, 3000), "before"...)
			packet := append(append(arena[len(arena):], header...), payload...)
			got, err := s.SealRTP(arena, packet[:len(header)], packet[len(header):], 0)
			if err != nil {
				t.Fatal(err)
			}
			if &got[0] != &arena[0] || !bytes.Equal(got, append([]byte("before"), want...)) {
				t.Fatalf("in place %x, apart %x", got, want)
			}
		})
	})
}

// drawCompound makes what looks like a compound RTCP packet.
func drawCompound(t *rapid.T, ssrc uint32) []byte {
	words := rapid.IntRange(1, 90).Draw(t, "words")
	b := []byte{0x80, byte(rapid.IntRange(200, 207).Draw(t, "type"))}
	b = binary.BigEndian.AppendUint16(b, uint16(words))
	b = binary.BigEndian.AppendUint32(b, ssrc)
	body := 4 * (words - 1)
	return append(b, drawBytes(t, "body", body, body)...)
}

// TestRTCPAgainstOracle sends RTCP in both directions between this package and another implementation.
func TestRTCPAgainstOracle(t *testing.T) {
	forProfiles(t, func(t *testing.T, p Profile) {
		rapid.Check(t, func(t *rapid.T) {
			key := drawKey(t, p)
			s, r, theirs, remote := newSender(t, p, key), newReceiver(t, p, key), oracle(t, p, key), oracle(t, p, key)
			s.next = rapid.Uint32Range(0, maxRTCPIndex-20).Draw(t, "index")
			ssrc := rapid.Uint32().Draw(t, "ssrc")
			theirs.SetIndex(ssrc, rapid.Uint32Range(0, maxRTCPIndex-20).Draw(t, "index"))
			for range rapid.IntRange(1, 5).Draw(t, "packets") {
				packet := drawCompound(t, ssrc)
				shared := bytes.Clone(packet)
				sealed, err := s.SealRTCP([]byte("before"), packet)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(packet, shared) {
					t.Fatal("the packet was modified")
				}
				sealed, ok := bytes.CutPrefix(sealed, []byte("before"))
				if !ok || len(sealed) != len(packet)+p.ControlOverhead() {
					t.Fatalf("%d bytes sealed to %d", len(packet), len(sealed))
				}
				opened, err := remote.DecryptRTCP(nil, sealed, nil)
				if err != nil || !bytes.Equal(opened, packet) {
					t.Fatalf("%x opened by them to %x, %v", packet, opened, err)
				}

				sealed, err = theirs.EncryptRTCP(nil, packet, nil)
				if err != nil {
					t.Fatal(err)
				}
				again := bytes.Clone(sealed)
				opened, err = r.OpenRTCP(sealed)
				if err != nil || !bytes.Equal(opened, packet) {
					t.Fatalf("%x opened to %x, %v", packet, opened, err)
				}
				if &opened[0] != &sealed[0] {
					t.Fatal("not opened in place")
				}
				if _, err := r.OpenRTCP(again); !errors.Is(err, ErrReplayed) {
					t.Fatalf("opened twice: %v", err)
				}
			}
		})
	})
}

// TestOpenChanged changes one bit of an SRTCP packet that authenticates.
func TestOpenChanged(t *testing.T) {
	forProfiles(t, func(t *testing.T, p Profile) {
		rapid.Check(t, func(t *rapid.T) {
			key := drawKey(t, p)
			sealed, err := newSender(t, p, key).SealRTCP(nil, drawCompound(t, 9))
			if err != nil {
				t.Fatal(err)
			}
			r := newReceiver(t, p, key)
			changed := bytes.Clone(sealed)
			bit := rapid.IntRange(0, 8*len(sealed)-1).Draw(t, "bit")
			changed[bit/8] ^= 0x80 >> (bit % 8)
			if _, err := r.OpenRTCP(changed); !errors.Is(err, ErrAuthentication) && (bit > 1 || !errors.Is(err, ErrMalformed)) {
				t.Fatalf("bit %d changed: %v", bit, err)
			}
			if len(r.sources) != 0 {
				t.Fatal("a forged packet left something behind")
			}
			short := rapid.IntRange(0, len(sealed)-1).Draw(t, "length")
			if _, err := r.OpenRTCP(bytes.Clone(sealed[:short])); err == nil {
				t.Fatalf("opened %d of %d bytes", short, len(sealed))
			}
			if _, err := r.OpenRTCP(sealed); err != nil {
				t.Fatalf("the packet itself: %v", err)
			}
		})
	})
}

// TestReplay gives indexes in any order to the replay list and to a model that remembers all.
func TestReplay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w replayWindow
		seen, top := map[uint32]bool{}, uint32(0)
		index := rapid.Uint32Range(0, maxRTCPIndex).Draw(t, "first")
		for range rapid.IntRange(1, 200).Draw(t, "packets") {
			want := len(seen) == 0 || index > top || top-index < windowLen && !seen[index]
			if got := w.fresh(index); got != want {
				t.Fatalf("index %d with %d on top: fresh is %v", index, top, got)
			}
			if want {
				w.accept(index)
				seen[index], top = true, max(top, index)
			}
			step := rapid.OneOf(rapid.Int64Range(-70, 70), rapid.Int64Range(-3, 3), rapid.Int64Range(0, maxRTCPIndex)).Draw(t, "step")
			index = uint32(min(max(0, int64(index)+step), maxRTCPIndex))
		}
	})
}

func TestSources(t *testing.T) {
	forProfiles(t, func(t *testing.T, p Profile) {
		s, r := newSender(t, p, MasterKey{}), newReceiver(t, p, MasterKey{})
		open := func(ssrc uint32) error {
			sealed, err := s.SealRTCP(nil, binary.BigEndian.AppendUint32([]byte{0x80, 201, 0, 1}, ssrc))
			if err != nil {
				t.Fatal(err)
			}
			_, err = r.OpenRTCP(sealed)
			return err
		}
		for ssrc := range uint32(maxSources) {
			if err := open(ssrc); err != nil {
				t.Fatal(err)
			}
		}
		if err := open(maxSources); !errors.Is(err, ErrSources) {
			t.Errorf("one source too many: %v", err)
		}
		if err := open(maxSources / 2); err != nil {
			t.Errorf("a known source, with all places taken: %v", err)
		}
	})
}

func TestLimits(t *testing.T) {
	forProfiles(t, func(t *testing.T, p Profile) {
		s := newSender(t, p, MasterKey{})
		header := []byte{0x80, 96, 0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 2}
		for _, test := range []struct {
			name   string
			header []byte
			index  uint64
			want   error
		}{
			{"short header", header[:11], 0x1234, ErrMalformed},
			{"other number", header, 0x1235, ErrIndex},
			{"49 bits", header, 1<<48 | 0x1234, ErrIndex},
			{"last index", header, 0xffffffff1234, nil},
		} {
			dst := []byte("before")
			got, err := s.SealRTP(dst, test.header, nil, test.index)
			if !errors.Is(err, test.want) {
				t.Errorf("%s: %v, want %v", test.name, err, test.want)
			}
			if err != nil && !bytes.Equal(got, dst) {
				t.Errorf("%s: buffer is %q after the error", test.name, got)
			}
		}
		if _, err := s.SealRTCP(nil, header[:7]); !errors.Is(err, ErrMalformed) {
			t.Errorf("short RTCP: %v", err)
		}
		s.next = maxRTCPIndex
		if _, err := s.SealRTCP(nil, header); err != nil {
			t.Errorf("last RTCP index: %v", err)
		}
		if _, err := s.SealRTCP(nil, header); !errors.Is(err, ErrExhausted) {
			t.Errorf("beyond the last RTCP index: %v", err)
		}
	})
}

func TestSplit(t *testing.T) {
	for _, p := range profiles {
		material := make([]byte, p.MaterialLen())
		for i := range material {
			material[i] = byte(i)
		}
		client, server, err := p.Split(material)
		if err != nil {
			t.Fatal(err)
		}
		var exported pion.Config
		exported.Profile = pion.ProtectionProfile(p)
		if err := exported.ExtractSessionKeysFromDTLS(exporter(material), true); err != nil {
			t.Fatal(err)
		}
		got := pion.SessionKeys{
			LocalMasterKey: client.Key[:], LocalMasterSalt: client.Salt[:p.saltLen()],
			RemoteMasterKey: server.Key[:], RemoteMasterSalt: server.Salt[:p.saltLen()],
		}
		if diff := cmp.Diff(exported.Keys, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", p, diff)
		}
		if _, _, err := p.Split(material[1:]); err == nil {
			t.Errorf("%v: split too little material", p)
		}
	}
	unknown := Profile(2)
	if _, _, err := unknown.Split(nil); !errors.Is(err, ErrProfile) {
		t.Errorf("split for %v: %v", unknown, err)
	}
	if _, err := NewSender(unknown, MasterKey{}); !errors.Is(err, ErrProfile) {
		t.Errorf("sender for %v: %v", unknown, err)
	}
	if _, err := NewReceiver(unknown, MasterKey{}); !errors.Is(err, ErrProfile) {
		t.Errorf("receiver for %v: %v", unknown, err)
	}
}

// exporter is a finished handshake.
type exporter []byte

func (e exporter) ExportKeyingMaterial(label string, _ []byte, length int) ([]byte, error) {
	if label != ExporterLabel || length != len(e) {
		return nil, errors.New("asked for something else")
	}
	return e, nil
}

// FuzzOpenRTCP opens anything, as it came and with a good tag put on it.
func FuzzOpenRTCP(f *testing.F) {
	for _, p := range profiles {
		s := newSender(f, p, MasterKey{})
		sealed, err := s.SealRTCP(nil, []byte{0x81, 201, 0, 2, 0, 0, 0, 1, 1, 2, 3, 4})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(sealed)
	}
	f.Add([]byte{0x80})
	f.Fuzz(func(t *testing.T, packet []byte) {
		for _, p := range profiles {
			r := newReceiver(t, p, MasterKey{})
			first, err := r.OpenRTCP(bytes.Clone(packet))
			if err == nil && len(first) != len(packet)-p.ControlOverhead() {
				t.Fatalf("%d bytes opened to %d", len(packet), len(first))
			}
			if len(packet) < rtcpClearLen || packet[0]>>6 != 2 {
				if err == nil {
					t.Fatal("opened what is no RTCP packet")
				}
				continue
			}
			sealed, err := newSender(t, p, MasterKey{}).SealRTCP(nil, packet)
			if err != nil {
				t.Fatal(err)
			}
			opened, err := newReceiver(t, p, MasterKey{}).OpenRTCP(sealed)
			if err != nil || !bytes.Equal(opened, packet) {
				t.Fatalf("%x opened to %x, %v", packet, opened, err)
			}
		}
	})
}
