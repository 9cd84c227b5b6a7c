package transport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"streamcat/udpbatch"
)

// socketBuffer is what is asked of the kernel for each socket, in bytes: a tenth of a second at 300 Mbit/s. The kernel may give less.
const socketBuffer = 4 << 20

func socketOptions() udpbatch.Options {
	return udpbatch.Options{ReusePort: true, ReceiveBuffer: socketBuffer, SendBuffer: socketBuffer}
}

// listen binds n sockets on each local address of an address as in Config.Address.
func listen(address string, n int, log *slog.Logger) ([][]*udpbatch.Conn, error) {
	bound, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, err
	}
	addresses := []net.IP{bound.IP}
	if bound.IP == nil || bound.IP.IsUnspecified() {
		if addresses, err = machineAddresses(bound.IP != nil && bound.IP.To4() != nil); err != nil {
			return nil, err
		}
	}
	var groups [][]*udpbatch.Conn
	var failures []error
	for _, ip := range addresses {
		group, err := listenGroup(&net.UDPAddr{IP: ip, Port: bound.Port, Zone: bound.Zone}, n)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		bound.Port = int(group[0].LocalAddr().Port()) // port 0: the first socket chooses for all
		groups = append(groups, group)
	}
	if len(groups) == 0 {
		return nil, errors.Join(failures...)
	}
	for _, err := range failures {
		log.Warn("no media on one of the machine's addresses", "error", err)
	}
	return groups, nil
}

// listenGroup binds n sockets on one address. The first is bound alone, so that it fails when another program has the port, and so
// that a port that is chosen by the system is one nobody has; only then it is shared.
func listenGroup(address *net.UDPAddr, n int) ([]*udpbatch.Conn, error) {
	udp, err := net.ListenUDP("udp", address)
	if err != nil {
		return nil, err
	}
	group, err := adopt(udp)
	if err != nil {
		return nil, err
	}
	if n > 1 && share(udp) != nil {
		return group, nil // a system whose sockets cannot share a port makes do with one
	}
	for range n - 1 {
		c, err := udpbatch.Listen(context.Background(), "udp", udp.LocalAddr().String(), socketOptions())
		if err != nil {
			return nil, errors.Join(err, closeAll(group))
		}
		group = append(group, c)
	}
	return group, nil
}

// adopt makes a group of one socket, and closes it when it cannot be used.
func adopt(udp *net.UDPConn) ([]*udpbatch.Conn, error) {
	c, err := udpbatch.NewConn(udp, socketOptions())
	if err != nil {
		return nil, errors.Join(err, udp.Close())
	}
	return []*udpbatch.Conn{c}, nil
}

func closeAll(group []*udpbatch.Conn) error {
	var errs []error
	for _, c := range group {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
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
