package udpbatch

import (
	"context"
	"errors"
	"fmt"
	"net"
)

// Listen opens a socket on an address. The network is udp, udp4 or udp6; udp without a host is both versions of IP.
func Listen(ctx context.Context, network, address string, o Options) (*Conn, error) {
	var lc net.ListenConfig
	if o.ReusePort {
		lc.Control = reusePort
	}
	packets, err := lc.ListenPacket(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	udp, ok := packets.(*net.UDPConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("listen: %s is not UDP", network), packets.Close())
	}
	c, err := NewConn(udp, o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen: %w", err), udp.Close())
	}
	return c, nil
}
