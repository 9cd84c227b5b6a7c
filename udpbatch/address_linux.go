package udpbatch

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// putAddress writes an address as the kernel has it, for a socket that sends one version of IP or both, and returns its length. The
// memory of an IPv6 address holds either.
func putAddress(name *unix.RawSockaddrInet6, to netip.AddrPort, v versions) (length uint32, ok bool) {
	*name = unix.RawSockaddrInet6{}
	addr := to.Addr()
	if v == ipv4 {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		v4.Family, v4.Addr = unix.AF_INET, addr.As4()
		putPort(&v4.Port, to.Port())
		return unix.SizeofSockaddrInet4, true
	}
	name.Family, name.Addr = unix.AF_INET6, addr.As16() // IPv4 becomes IPv4-mapped
	putPort(&name.Port, to.Port())
	if zone := addr.Zone(); zone != "" {
		name.Scope_id, ok = zoneIndex(zone)
		return unix.SizeofSockaddrInet6, ok
	}
	return unix.SizeofSockaddrInet6, true
}

// zoneIndex finds the interface that a zone names, by number or by name.
func zoneIndex(zone string) (uint32, bool) {
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n), true
	}
	i, err := net.InterfaceByName(zone)
	if err != nil {
		return 0, false
	}
	return uint32(i.Index), true
}

// getAddress reads an address that the kernel wrote. IPv4-mapped addresses become IPv4, and a link-local one has its interface's
// number as zone.
func getAddress(name *unix.RawSockaddrInet6) netip.AddrPort {
	if name.Family == unix.AF_INET {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), getPort(&v4.Port))
	}
	addr := netip.AddrFrom16(name.Addr).Unmap()
	if name.Scope_id != 0 && addr.IsLinkLocalUnicast() {
		addr = addr.WithZone(strconv.Itoa(int(name.Scope_id)))
	}
	return netip.AddrPortFrom(addr, getPort(&name.Port))
}

// putPort and getPort know that a port is in the order of the network whatever that of the machine is.
func putPort(p *uint16, port uint16) {
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(p))[:], port)
}

func getPort(p *uint16) uint16 {
	return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(p))[:])
}
