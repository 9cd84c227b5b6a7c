package sfu

import (
	"errors"
	"fmt"
	"log/slog"
	"net"

	"github.com/pion/ice/v4"
)

// socketBuffer is what is asked of the kernel for each socket, in bytes: a tenth of a second at 300 Mbit/s. The kernel may give less.
const socketBuffer = 4 << 20

// listen binds UDP sockets for an address as in Config.Address.
func listen(address string, log *slog.Logger) ([]net.PacketConn, error) {
	bound, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, err
	}
	if bound.IP != nil && !bound.IP.IsUnspecified() {
		conn, err := net.ListenUDP("udp", bound)
		if err != nil {
			return nil, err
		}
		return []net.PacketConn{conn}, nil
	}
	addresses, err := machineAddresses(bound.IP != nil && bound.IP.To4() != nil)
	if err != nil {
		return nil, err
	}
	// A socket for each address: an answer then leaves from the address that was asked, also on a machine with several.
	var conns []net.PacketConn
	var failures []error
	for _, ip := range addresses {
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: ip, Port: bound.Port})
		if err != nil {
			failures = append(failures, err)
			continue
		}
		bound.Port = conn.LocalAddr().(*net.UDPAddr).Port // port 0: the first socket chooses for all
		conns = append(conns, conn)
	}
	if len(conns) == 0 {
		return nil, errors.Join(failures...)
	}
	for _, err := range failures {
		log.Warn("no media on one of the machine's addresses", "error", err)
	}
	return conns, nil
}

// machineAddresses are the unicast addresses of the interfaces that are up, without link-local ones; loopback only on a machine that has
// nothing else.
func machineAddresses(only4 bool) ([]net.IP, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	var found, loopback []net.IP
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 {
			continue
		}
		addresses, err := i.Addrs()
		if err != nil {
			continue // the interface went away meanwhile
		}
		for _, a := range addresses {
			network, ok := a.(*net.IPNet)
			switch {
			case !ok || only4 && network.IP.To4() == nil:
			case network.IP.IsLoopback():
				loopback = append(loopback, network.IP)
			case network.IP.IsGlobalUnicast():
				found = append(found, network.IP)
			}
		}
	}
	if len(found) == 0 {
		found = loopback
	}
	if len(found) == 0 {
		return nil, errors.New("this machine has no network address")
	}
	return found, nil
}

// newMux shares sockets between all ICE sessions.
func newMux(conns []net.PacketConn, log *slog.Logger) (*ice.MultiUDPMuxDefault, error) {
	muxes := make([]ice.UDPMux, 0, len(conns))
	for _, conn := range conns {
		if _, ok := conn.LocalAddr().(*net.UDPAddr); !ok {
			return nil, fmt.Errorf("%s is not a UDP address", conn.LocalAddr())
		}
		if sized, ok := conn.(interface {
			SetReadBuffer(bytes int) error
			SetWriteBuffer(bytes int) error
		}); ok {
			if err := errors.Join(sized.SetReadBuffer(socketBuffer), sized.SetWriteBuffer(socketBuffer)); err != nil {
				log.Warn("small buffers on a media socket", "address", conn.LocalAddr().String(), "error", err)
			}
		}
		muxes = append(muxes, ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: conn, Logger: newPionLogger(log, "mux")}))
	}
	return ice.NewMultiUDPMuxDefault(muxes...), nil
}
