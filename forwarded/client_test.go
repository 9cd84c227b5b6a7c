package forwarded

import (
	"net/http"
	"net/netip"
	"testing"
)

func TestClient(t *testing.T) {
	const proxy = "203.0.113.9:4711"
	for _, test := range []struct {
		name    string
		proxied bool
		remote  string
		header  []string
		want    string // "" is nobody
	}{
		{"no proxy", false, "192.0.2.1:1", nil, "192.0.2.1"},
		{"no proxy, over IPv6", false, "[2001:db8::1]:1", nil, "2001:db8::1"},
		{"a header that nobody vouches for", false, "192.0.2.1:1", []string{"198.51.100.1"}, "192.0.2.1"},
		{"a proxy", true, proxy, []string{"198.51.100.1"}, "198.51.100.1"},
		{"what the client claims comes first", true, proxy, []string{"10.0.0.1, 198.51.100.1"}, "198.51.100.1"},
		{"also in a line of its own", true, proxy, []string{"10.0.0.1", "198.51.100.1"}, "198.51.100.1"},
		{"with a port", true, proxy, []string{"198.51.100.1:5000"}, "198.51.100.1"},
		{"IPv6", true, proxy, []string{" 2001:db8::1 "}, "2001:db8::1"},
		{"IPv6 with a port", true, proxy, []string{"[2001:db8::1]:5000"}, "2001:db8::1"},
		{"a proxy that names nobody", true, proxy, nil, "203.0.113.9"},
		{"a proxy that names garbage", true, proxy, []string{"10.0.0.1, unknown"}, "203.0.113.9"},
		{"an empty entry", true, proxy, []string{"10.0.0.1,"}, "203.0.113.9"},
		{"a socket without address", false, "@", nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &http.Request{RemoteAddr: test.remote, Header: http.Header{"X-Forwarded-For": test.header}}
			want := netip.Addr{}
			if test.want != "" {
				want = netip.MustParseAddr(test.want)
			}
			if got := Client(r, test.proxied); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}
