package ratelimit

import "net/netip"

// Prefix is the part of an address that one subscriber of a network has: the whole of an IPv4 address, the first 64 bits of an
// IPv6 address (RFC 4291 2.5.1: the rest is the interface's to choose, so counting single addresses would count nothing).
// An IPv4 address in IPv6 clothes counts as IPv4. The zero Prefix stands for an invalid address.
func Prefix(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	prefix, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix
}
