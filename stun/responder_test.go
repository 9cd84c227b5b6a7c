package stun

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAnswer(t *testing.T) {
	const password = "the password of this side"
	from := netip.MustParseAddrPort("[::ffff:192.0.2.7]:40000")
	check := func(edit func(*Check)) []byte {
		c := Check{
			TransactionID: TransactionID{1, 2, 3}, RemoteFragment: "here", LocalFragment: "there", RemotePassword: password,
			Priority: 1, TieBreaker: 10, Controlling: true,
		}
		if edit != nil {
			edit(&c)
		}
		return AppendRequest(nil, &c)
	}
	unknown := begin(nil, classRequest, TransactionID{1, 2, 3})
	unknown.attribute(attrUsername, 4)
	unknown.b = append(unknown.b, "here"...)
	for kind := range Attribute(maxUnknown + 2) {
		unknown.attribute(0x7f00+kind, 0)
	}
	unsigned := begin(nil, classRequest, TransactionID{1, 2, 3})
	unsigned.attribute(attrUsername, 4)
	unsigned.b = append(unsigned.b, "here"...)
	anonymous := begin(nil, classRequest, TransactionID{1, 2, 3})

	for _, test := range []struct {
		name        string
		request     []byte
		controlling bool
		tieBreaker  uint64
		want        int // error code, 0 for success
		signed      bool
		switched    bool
	}{
		{"check of a controlling agent", check(nil), false, 0, 0, true, false},
		{"check of a controlled agent", check(func(c *Check) { c.Controlling = false }), true, 0, 0, true, false},
		{"no integrity code", unsigned.end(""), false, 0, 400, false, false},
		{"no username", anonymous.end(password), false, 0, 400, false, false},
		{"wrong password", check(func(c *Check) { c.RemotePassword = "another" }), false, 0, 401, false, false},
		{"unknown attributes", unknown.end(password), false, 0, 420, true, false},
		{"both control, own number larger", check(nil), true, 11, 487, true, false},
		{"both control, numbers equal", check(nil), true, 10, 487, true, false},
		{"both control, own number smaller", check(nil), true, 9, 0, true, true},
		{"both controlled, own number larger", check(func(c *Check) { c.Controlling = false }), false, 11, 0, true, true},
		{"both controlled, numbers equal", check(func(c *Check) { c.Controlling = false }), false, 10, 0, true, true},
		{"both controlled, own number smaller", check(func(c *Check) { c.Controlling = false }), false, 9, 487, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var request, answer Message
			if err := Parse(test.request, &request); err != nil {
				t.Fatal(err)
			}
			r := Responder{Password: password, Controlling: test.controlling, TieBreaker: test.tieBreaker}
			out, valid := r.Answer([]byte("before"), &request, from)
			out, ok := bytes.CutPrefix(out, []byte("before"))
			if !ok {
				t.Fatal("what was in the buffer was modified")
			}
			if err := Parse(out, &answer); err != nil {
				t.Fatal(err)
			}
			if answer.ErrorCode != test.want || answer.IsSuccess() != (test.want == 0) || valid != (test.want == 0) {
				t.Errorf("answered %d (valid: %v), want %d", answer.ErrorCode, valid, test.want)
			}
			if answer.TransactionID != request.TransactionID || answer.Authentic(password) != test.signed || answer.HasIntegrity() != test.signed {
				t.Errorf("answer %+v", answer)
			}
			if valid && answer.Mapped != netip.MustParseAddrPort("192.0.2.7:40000") {
				t.Errorf("mapped address %v", answer.Mapped)
			}
			if switched := r.Controlling != test.controlling; switched != test.switched {
				t.Errorf("role switched: %v, want %v", switched, test.switched)
			}
			if test.want == 420 {
				theirs := []Attribute{0x7f00, 0x7f01, 0x7f02, 0x7f03, 0x7f04, 0x7f05, 0x7f06, 0x7f07}
				if diff := cmp.Diff(theirs, request.Unknown()); diff != "" {
					t.Errorf("unknown attributes (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestClassify(t *testing.T) {
	want := func(first, second int) Protocol { // RFC 7983 7, RFC 5761 4
		switch {
		case first <= 3:
			return STUN
		case first < 20: // ZRTP
			return Unknown
		case first <= 63:
			return DTLS
		case first <= 127: // TURN channels and what is not assigned
			return Unknown
		case first > 191:
			return Unknown
		case second&0x7f >= 64 && second&0x7f <= 95 && second >= 128:
			return RTCP
		}
		return RTP
	}
	for first := range 256 {
		for second := range 256 {
			if got := Classify([]byte{byte(first), byte(second)}); got != want(first, second) {
				t.Fatalf("%d, %d is %d, want %d", first, second, got, want(first, second))
			}
		}
	}
	if Classify(nil) != Unknown || Classify([]byte{0}) != Unknown {
		t.Error("too short a datagram is something")
	}
}

// TestAllocations holds the package to what its comment says.
func TestAllocations(t *testing.T) {
	request, response, _ := rfc5769(t)
	dst := make([]byte, 0, 500)
	from := netip.MustParseAddrPort("[2001:db8::1]:5000")
	r := Responder{Password: rfc5769Password, Controlling: true}
	check := Check{RemoteFragment: "here", LocalFragment: "there", RemotePassword: rfc5769Password}
	var m Message
	for name, f := range map[string]func() bool{
		"check": func() bool {
			if Parse(request, &m) != nil || string(m.LocalFragment()) != "evtj" {
				return false
			}
			_, valid := r.Answer(dst, &m, from)
			return valid
		},
		"refusal":  func() bool { return len(AppendError(dst, m.TransactionID, Unauthenticated, "")) > 0 },
		"response": func() bool { return Parse(response, &m) == nil && m.Authentic(rfc5769Password) },
		"request":  func() bool { return len(AppendRequest(dst, &check)) > 0 },
	} {
		if allocs := testing.AllocsPerRun(100, func() {
			if !f() {
				t.Fatalf("%s failed", name)
			}
		}); allocs != 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
}

// BenchmarkAnswer parses a check, verifies it and answers it.
func BenchmarkAnswer(b *testing.B) {
	request, _, _ := rfc5769(b)
	dst := make([]byte, 0, 500)
	from := netip.MustParseAddrPort("192.0.2.1:32853")
	r := Responder{Password: rfc5769Password, Controlling: true}
	var m Message
	b.ReportAllocs()
	for b.Loop() {
		if err := Parse(request, &m); err != nil {
			b.Fatal(err)
		}
		if _, valid := r.Answer(dst, &m, from); !valid {
			b.Fatal("refused")
		}
	}
}

// FuzzParse answers anything that parses, and reads the answer.
func FuzzParse(f *testing.F) {
	request, v4, v6 := rfc5769(f)
	for _, seed := range [][]byte{request, v4, v6, message(f, ""), message(f, "00090004 00000457"), AppendIndication(nil, TransactionID{})} {
		f.Add(seed)
	}
	from := netip.MustParseAddrPort("192.0.2.1:1")
	f.Fuzz(func(t *testing.T, datagram []byte) {
		var m Message
		before := bytes.Clone(datagram)
		err := Parse(datagram, &m)
		if !bytes.Equal(datagram, before) {
			t.Fatal("the datagram was modified")
		}
		if err != nil {
			return
		}
		if Classify(datagram) != STUN {
			t.Fatal("parsed what is not classified as STUN")
		}
		m.LocalFragment()
		r := Responder{Password: rfc5769Password}
		out, valid := r.Answer(nil, &m, from)
		if valid && !m.Authentic(rfc5769Password) {
			t.Fatal("accepted without the password")
		}
		var answer Message
		if err := Parse(out, &answer); err != nil || answer.TransactionID != m.TransactionID || answer.IsSuccess() != valid {
			t.Fatalf("answer %x: %v", out, err)
		}
	})
}
