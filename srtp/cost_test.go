package srtp

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"

	"github.com/pion/rtp"
	pion "github.com/pion/srtp/v3"
)

// TestAllocations holds the package to what its comment says of allocations.
func TestAllocations(t *testing.T) {
	header := []byte{0x80, 96, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2}
	report := make([]byte, 52)
	report[0], report[1] = 0x80, 200
	dst := make([]byte, 0, 2000)
	for _, p := range profiles {
		for _, test := range []struct {
			payload int
			want    float64
		}{{120, 0}, {shortKeystream, 0}, {1188, map[Profile]float64{AEADAES128GCM: 0, AES128CMHMACSHA180: 1}[p]}} {
			s, payload := newSender(t, p, MasterKey{}), make([]byte, test.payload)
			got := testing.AllocsPerRun(100, func() {
				if _, err := s.SealRTP(dst, header, payload, 0); err != nil {
					t.Fatal(err)
				}
			})
			if got != test.want {
				t.Errorf("%v, %d bytes of payload: %v allocations, want %v", p, test.payload, got, test.want)
			}
		}
		s, r := newSender(t, p, MasterKey{}), newReceiver(t, p, MasterKey{})
		got := testing.AllocsPerRun(100, func() {
			sealed, err := s.SealRTCP(dst, report)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.OpenRTCP(sealed); err != nil {
				t.Fatal(err)
			}
		})
		if got != 0 {
			t.Errorf("%v, RTCP: %v allocations", p, got)
		}
	}
}

// BenchmarkSealRTP seals packets with 1188 bytes of payload, for one viewer and for a thousand.
func BenchmarkSealRTP(b *testing.B) {
	for _, p := range profiles {
		for _, viewers := range []int{1, 1000} {
			keys := make([]MasterKey, viewers)
			for i := range keys {
				binary.BigEndian.PutUint32(keys[i].Key[:], uint32(i))
			}
			payload := make([]byte, 1188)
			b.Run(fmt.Sprintf("%v/viewers=%d/own", p, viewers), func(b *testing.B) {
				senders, buffers := make([]*Sender, viewers), make([][]byte, viewers)
				for i := range senders {
					senders[i], buffers[i] = newSender(b, p, keys[i]), make([]byte, 0, 1500)
				}
				header := []byte{0x80, 96, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2}
				b.SetBytes(1200)
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					index := uint64(i / viewers)
					binary.BigEndian.PutUint16(header[2:], uint16(index))
					if _, err := senders[i%viewers].SealRTP(buffers[i%viewers], header, payload, index); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run(fmt.Sprintf("%v/viewers=%d/pion", p, viewers), func(b *testing.B) {
				contexts, buffers := make([]*pion.Context, viewers), make([][]byte, viewers)
				for i := range contexts {
					contexts[i], buffers[i] = oracle(b, p, keys[i]), make([]byte, 0, 1500)
				}
				header := &rtp.Header{Version: 2, PayloadType: 96, SSRC: 2}
				packet := make([]byte, 1200)
				b.SetBytes(1200)
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					header.SequenceNumber = uint16(i / viewers)
					if _, err := header.MarshalTo(packet); err != nil {
						b.Fatal(err)
					}
					if _, err := contexts[i%viewers].EncryptRTP(buffers[i%viewers], packet, header); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkOpenRTCP opens receiver reports of 52 bytes.
func BenchmarkOpenRTCP(b *testing.B) {
	for _, p := range profiles {
		b.Run(p.String(), func(b *testing.B) {
			s, r := newSender(b, p, MasterKey{}), newReceiver(b, p, MasterKey{})
			packet, dst := make([]byte, 52), make([]byte, 0, 100)
			packet[0], packet[1] = 0x80, 201
			sealed, err := s.SealRTCP(nil, packet)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				r.sources = r.sources[:0]
				if _, err := r.OpenRTCP(append(dst, sealed...)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkViewer makes what one viewer has, and reports how much of the heap that is.
func BenchmarkViewer(b *testing.B) {
	type viewer struct {
		s *Sender
		r *Receiver
	}
	for _, p := range profiles {
		b.Run(p.String(), func(b *testing.B) {
			const kept = 1000
			viewers := make([]viewer, kept)
			make1 := func() viewer {
				v := viewer{newSender(b, p, MasterKey{}), newReceiver(b, p, MasterKey{})}
				sealed, err := v.s.SealRTCP(nil, []byte{0x80, 200, 0, 1, 0, 0, 0, 1})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := v.r.OpenRTCP(sealed); err != nil { // the first source is remembered
					b.Fatal(err)
				}
				return v
			}
			heap := func() uint64 {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				return m.HeapAlloc
			}
			before := heap()
			for i := range viewers {
				viewers[i] = make1()
			}
			perViewer := float64(heap()-before) / kept
			for b.Loop() {
				viewers[0] = make1()
			}
			b.ReportMetric(perViewer, "heap-B/viewer")
			runtime.KeepAlive(viewers)
		})
	}
}
