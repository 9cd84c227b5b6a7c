package stun

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	pion "github.com/pion/stun/v4"
	"pgregory.net/rapid"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// rfc5769 has the samples of RFC 5769 2.1 to 2.3, which share a transaction and a password.
func rfc5769(t testing.TB) (request, responseIPv4, responseIPv6 []byte) {
	t.Helper()
	return unhex(t, `00010058 2112a442 b7e7a701 bc34d686 fa87dfae 80220010 5354554e 20746573 7420636c 69656e74
			00240004 6e0001ff 80290008 932ff9b1 51263b36 00060009 6576746a 3a683676 59202020
			00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2 80280004 e57a3bcf`),
		unhex(t, `0101003c 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220
			00200008 0001a147 e112a643 00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7 80280004 c07d4c96`),
		unhex(t, `01010048 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220
			00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9 00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41
			80280004 c8fb0b4c`)
}

const rfc5769Password = "VOkJxbRl1RmTxUk/WvJxBt"

func TestRFC5769(t *testing.T) {
	request, v4, v6 := rfc5769(t)
	id := TransactionID(unhex(t, "b7e7a701bc34d686fa87dfae"))
	for _, test := range []struct {
		name     string
		datagram []byte
		want     Message
	}{
		{"request", request, Message{
			class: classRequest, Username: []byte("evtj:h6vY"), TieBreaker: 0x932ff9b151263b36, Priority: 0x6e0001ff,
			flags: hasRole | hasPriority | hasFingerprint,
		}},
		{"IPv4 response", v4, Message{class: classSuccess, Mapped: netip.MustParseAddrPort("192.0.2.1:32853"), flags: hasFingerprint}},
		{"IPv6 response", v6, Message{
			class: classSuccess, Mapped: netip.MustParseAddrPort("[2001:db8:1234:5678:11:2233:4455:6677]:32853"), flags: hasFingerprint,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var m Message
			if err := Parse(test.datagram, &m); err != nil {
				t.Fatal(err)
			}
			if !m.Authentic(rfc5769Password) {
				t.Error("not authentic")
			}
			if m.Authentic(rfc5769Password[1:]) || m.Authentic("") {
				t.Error("authentic with a wrong password")
			}
			test.want.TransactionID, test.want.datagram, test.want.integrity = id, test.datagram, len(test.datagram)-8-24
			if diff := cmp.Diff(test.want, m, cmp.AllowUnexported(Message{}), cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	var m Message
	if err := Parse(request, &m); err != nil || string(m.LocalFragment()) != "evtj" || !m.IsRequest() || m.Controlling() {
		t.Errorf("fragment %q of %+v", m.LocalFragment(), m)
	}
}

// TestCorrupted changes each bit of a message that has everything, one at a time.
func TestCorrupted(t *testing.T) {
	request, v4, v6 := rfc5769(t)
	for _, datagram := range [][]byte{request, v4, v6} {
		for bit := range 8 * len(datagram) {
			changed := bytes.Clone(datagram)
			changed[bit/8] ^= 0x80 >> (bit % 8)
			var m Message
			if err := Parse(changed, &m); err == nil && (m.HasFingerprint() || m.Authentic(rfc5769Password) && bit < 8*(len(datagram)-8)) {
				t.Errorf("bit %d of %x was changed and nothing noticed", bit, datagram)
			}
		}
		for n := range datagram {
			if err := Parse(datagram[:n], new(Message)); err == nil {
				t.Errorf("the first %d bytes of %x were parsed", n, datagram)
			}
		}
	}
}

// message puts attributes, given in hexadecimal, behind the header of a request, with the right length.
func message(t testing.TB, attributes string) []byte {
	body := unhex(t, attributes)
	head := unhex(t, "0001 0000 2112a442 000102030405060708090a0b")
	binary.BigEndian.PutUint16(head[2:], uint16(len(body)))
	return append(head, body...)
}

func TestParse(t *testing.T) {
	edit := func(b []byte, at int, value byte) []byte { b[at] = value; return b }
	for _, test := range []struct {
		name     string
		datagram []byte
		want     error
	}{
		{"bare request", message(t, ""), nil},
		{"empty", nil, ErrNotSTUN},
		{"short header", message(t, "")[:19], ErrNotSTUN},
		{"other first bits", edit(message(t, ""), 0, 0x40), ErrNotSTUN},
		{"no cookie", edit(message(t, ""), 4, 0x22), ErrNotSTUN},
		{"length beyond the end", edit(message(t, ""), 3, 4), ErrNotSTUN},
		{"length before the end", edit(message(t, "80000000"), 3, 0), ErrNotSTUN},
		{"length no multiple of four", append(edit(message(t, ""), 3, 2), 0, 0), ErrNotSTUN},
		{"too long", message(t, strings.Repeat("80000000", 400)), ErrNotSTUN},
		{"allocate request", edit(message(t, ""), 1, 3), ErrMethod},
		{"attribute beyond the end", message(t, "80000001"), ErrMalformed},
		{"attribute far beyond the end", message(t, "8000fffc"), ErrMalformed},
		{"priority with 3 bytes", message(t, "00240003 00000000"), ErrMalformed},
		{"use-candidate with content", message(t, "00250001 00000000"), ErrMalformed},
		{"role with 4 bytes", message(t, "802a0004 00000000"), ErrMalformed},
		{"integrity with 19 bytes", message(t, "00080013"+strings.Repeat("00", 20)), ErrMalformed},
		{"integrity with 24 bytes", message(t, "00080018"+strings.Repeat("00", 24)), ErrMalformed},
		{"fingerprint not last", message(t, "80280004 00000000 80000000"), ErrMalformed},
		{"fingerprint with 3 bytes", message(t, "80280003 00000000"), ErrMalformed},
		{"wrong fingerprint", message(t, "80280004 00000000"), ErrFingerprint},
		{"username too long", message(t, "000601fd"+strings.Repeat("61", 512)), ErrMalformed},
		{"address with 4 bytes", message(t, "00200004 00010000"), ErrMalformed},
		{"IPv4 family, IPv6 length", message(t, "00200014 0001"+strings.Repeat("00", 18)), ErrMalformed},
		{"IPv6 family, IPv4 length", message(t, "00200008 0002"+strings.Repeat("00", 6)), ErrMalformed},
		{"no such family", message(t, "00200008 0003"+strings.Repeat("00", 6)), ErrMalformed},
		{"error without code", message(t, "00090002 00000000"), ErrMalformed},
		{"error 200", message(t, "00090004 00000200"), ErrMalformed},
		{"error 4 and 100", message(t, "00090004 00000464"), ErrMalformed},
	} {
		t.Run(test.name, func(t *testing.T) {
			var m Message
			if err := Parse(test.datagram, &m); !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
			if test.want == ErrMalformed && (!m.IsRequest() || m.TransactionID[11] != 0x0b) {
				t.Error("not enough left to answer it")
			}
		})
	}
}

// TestPrecedence checks what counts when an attribute comes twice, or behind the integrity code.
func TestPrecedence(t *testing.T) {
	var m Message
	err := Parse(message(t, `00240004 00000001 00240004 00000002 80290008 0000000000000003 802a0008 0000000000000004
		0006000361 3a62 00 00060003 63 3a 64 00 7ffe0000 00080014 `+strings.Repeat("00", 20)+`
		00250000 7fff0000 00080014 `+strings.Repeat("11", 20)), &m)
	if err != nil {
		t.Fatal(err)
	}
	if m.Priority != 1 || m.TieBreaker != 3 || m.Controlling() || string(m.Username) != "a:b" || m.UseCandidate() {
		t.Errorf("parsed %+v", m)
	}
	if diff := cmp.Diff([]Attribute{0x7ffe}, m.Unknown()); diff != "" {
		t.Errorf("unknown (-want +got):\n%s", diff)
	}
	if want := 20 + 8 + 8 + 12 + 12 + 8 + 8 + 4; m.integrity != want {
		t.Errorf("integrity code at %d, want %d", m.integrity, want)
	}
}

func drawAddress(t *rapid.T) netip.AddrPort {
	port := rapid.Uint16().Draw(t, "port")
	if rapid.Bool().Draw(t, "IPv6") {
		b := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "address")
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(b)), port)
	}
	b := rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "address")
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b)), port)
}

func drawID(t *rapid.T) TransactionID {
	return TransactionID(rapid.SliceOfN(rapid.Byte(), 12, 12).Draw(t, "transaction"))
}

// ice draws from the characters that fragments and passwords have. // RFC 8839 5.4
func ice(least, most int) *rapid.Generator[string] {
	return rapid.StringOfN(rapid.RuneFrom([]rune("abcXYZ019+/")), least, most, -1)
}

// decode has another implementation read a message, and check its codes.
func decode(t *rapid.T, datagram []byte, password string) *pion.Message {
	m := &pion.Message{Raw: bytes.Clone(datagram)}
	if err := m.Decode(); err != nil {
		t.Fatalf("decode %x: %v", datagram, err)
	}
	if err := pion.Fingerprint.Check(m); err != nil {
		t.Fatalf("fingerprint of %x: %v", datagram, err)
	}
	if password == "" {
		if m.Contains(pion.AttrMessageIntegrity) {
			t.Fatalf("%x has an integrity code", datagram)
		}
	} else if err := pion.NewShortTermIntegrity(password).Check(m); err != nil {
		t.Fatalf("integrity of %x: %v", datagram, err)
	}
	return m
}

func TestSuccessAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id, from, password := drawID(t), drawAddress(t), ice(1, 100).Draw(t, "password")
		out := AppendSuccess([]byte("before"), id, from, password)
		out, ok := bytes.CutPrefix(out, []byte("before"))
		if !ok {
			t.Fatal("what was in the buffer was modified")
		}
		theirs := decode(t, out, password)
		var mapped pion.XORMappedAddress
		if err := mapped.GetFrom(theirs); err != nil {
			t.Fatal(err)
		}
		addr, _ := netip.AddrFromSlice(mapped.IP)
		want := netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		if theirs.Type != pion.BindingSuccess || theirs.TransactionID != id || netip.AddrPortFrom(addr.Unmap(), uint16(mapped.Port)) != want {
			t.Fatalf("they read %v with %v", theirs, mapped)
		}
		var m Message
		if err := Parse(out, &m); err != nil {
			t.Fatal(err)
		}
		if !m.IsSuccess() || m.TransactionID != id || m.Mapped != want || !m.Authentic(password) || !m.HasFingerprint() {
			t.Fatalf("parsed %+v, want %v", m, want)
		}
	})
}

func TestErrorAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id, password := drawID(t), ice(0, 80).Draw(t, "password")
		code := rapid.SampledFrom([]Code{BadRequest, Unauthenticated, UnknownAttribute, RoleConflict, 300, 699}).Draw(t, "code")
		unknown := rapid.SliceOfN(rapid.Uint16(), 0, 5).Draw(t, "unknown")
		var attributes []Attribute
		for _, a := range unknown {
			attributes = append(attributes, Attribute(a))
		}
		out := AppendError(nil, id, code, password, attributes...)
		theirs := decode(t, out, password)
		var got pion.ErrorCodeAttribute
		if err := got.GetFrom(theirs); err != nil || int(got.Code) != int(code) || theirs.Type != pion.BindingError {
			t.Fatalf("they read %v, %v, %v", theirs, got, err)
		}
		if len(unknown) > 0 {
			var list pion.UnknownAttributes
			if err := list.GetFrom(theirs); err != nil || len(list) != len(unknown) {
				t.Fatalf("they read unknown attributes %v, %v, want %v", list, err, unknown)
			}
			for i := range list {
				if uint16(list[i]) != unknown[i] {
					t.Fatalf("they read unknown attributes %v, want %v", list, unknown)
				}
			}
		}
		var m Message
		if err := Parse(out, &m); err != nil || !m.IsError() || m.ErrorCode != int(code) || m.Authentic(password) != (password != "") {
			t.Fatalf("parsed %+v, %v", m, err)
		}
	})
}

func TestRequestAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Check{
			TransactionID: drawID(t), RemoteFragment: ice(1, 256).Draw(t, "remote"), LocalFragment: ice(1, 251).Draw(t, "local"),
			RemotePassword: ice(1, 256).Draw(t, "password"), Priority: rapid.Uint32().Draw(t, "priority"),
			TieBreaker: rapid.Uint64().Draw(t, "tie-breaker"), Controlling: rapid.Bool().Draw(t, "controlling"),
			UseCandidate: rapid.Bool().Draw(t, "use-candidate"),
		}
		out := AppendRequest(nil, &c)
		theirs := decode(t, out, c.RemotePassword)
		role, other := pion.AttrICEControlled, pion.AttrICEControlling
		if c.Controlling {
			role, other = other, role
		}
		number, err := theirs.Get(role)
		if err != nil || binary.BigEndian.Uint64(number) != c.TieBreaker || theirs.Contains(other) {
			t.Fatalf("they read role %x, %v", number, err)
		}
		priority, err := theirs.Get(pion.AttrPriority)
		if err != nil || binary.BigEndian.Uint32(priority) != c.Priority || theirs.Contains(pion.AttrUseCandidate) != c.UseCandidate {
			t.Fatalf("they read priority %x, %v", priority, err)
		}
		var username pion.Username
		if err := username.GetFrom(theirs); err != nil || username.String() != c.RemoteFragment+":"+c.LocalFragment {
			t.Fatalf("they read username %v, %v", username, err)
		}
		var m Message
		if err := Parse(out, &m); err != nil {
			t.Fatal(err)
		}
		want := Check{
			m.TransactionID, string(m.LocalFragment()), strings.TrimPrefix(string(m.Username), string(m.LocalFragment())+":"), c.RemotePassword,
			m.Priority, m.TieBreaker, m.Controlling(), m.UseCandidate(),
		}
		if want != c || !m.Authentic(c.RemotePassword) || !m.IsRequest() || !m.HasRole() || !m.HasPriority() {
			t.Fatalf("parsed %+v, want %+v", m, c)
		}
	})
}

// TestParseAgainstOracle reads what another implementation writes, with attributes that browsers add.
func TestParseAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id, from, password := drawID(t), drawAddress(t), ice(22, 32).Draw(t, "password")
		ip := net.IP(from.Addr().AsSlice())
		extra := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "extra")
		request, err := pion.Build(pion.NewTransactionIDSetter(id), pion.BindingRequest, pion.NewUsername("here:there"),
			pion.RawAttribute{Type: 0xC057, Value: extra}, pion.NewSoftware("oracle"),
			pion.XORMappedAddress{IP: ip, Port: int(from.Port())}, pion.NewShortTermIntegrity(password), pion.Fingerprint)
		if err != nil {
			t.Fatal(err)
		}
		var m Message
		if err := Parse(request.Raw, &m); err != nil {
			t.Fatalf("parse %x: %v", request.Raw, err)
		}
		want := netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		if m.TransactionID != id || string(m.LocalFragment()) != "here" || !m.Authentic(password) || len(m.Unknown()) != 0 ||
			netip.AddrPortFrom(m.Mapped.Addr().Unmap(), m.Mapped.Port()) != want {
			t.Fatalf("parsed %+v, want %v", m, want)
		}
	})
}

func TestIndication(t *testing.T) {
	id := NewTransactionID()
	var m Message
	if err := Parse(AppendIndication(nil, id), &m); err != nil || !m.IsIndication() || m.TransactionID != id || m.HasIntegrity() {
		t.Errorf("parsed %+v, %v", m, err)
	}
	if id == NewTransactionID() {
		t.Error("two transactions have the same identifier")
	}
}
