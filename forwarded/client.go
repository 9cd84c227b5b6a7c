package forwarded

import (
	"net/http"
	"net/netip"
	"strings"
)

// Client returns the address that a request comes from: the other end of its connection, or, when that is a proxy to be believed, the
// one that the proxy names. A proxy that names none counts as the client. The zero Addr stands for whoever cannot be told apart.
func Client(r *http.Request, proxied bool) netip.Addr {
	if proxied {
		if lines := r.Header.Values("X-Forwarded-For"); len(lines) > 0 {
			last := lines[len(lines)-1]
			if addr, ok := parse(strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])); ok {
				return addr
			}
		}
	}
	addr, _ := parse(r.RemoteAddr)
	return addr
}

// parse reads an address, which some proxies write with its port.
func parse(text string) (netip.Addr, bool) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr, true
	}
	addr, err := netip.ParseAddrPort(text)
	return addr.Addr(), err == nil
}
