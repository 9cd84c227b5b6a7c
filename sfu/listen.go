package sfu

import (
	"fmt"
	"log/slog"
	"net"

	"github.com/pion/ice/v4"

	"streamcat/transport"
)

// listen binds the sockets that everything goes over.
func listen(config Config) (*transport.Transport, error) {
	conns := make([]*net.UDPConn, len(config.Conns))
	for i, conn := range config.Conns {
		udp, ok := conn.(*net.UDPConn)
		if !ok {
			return nil, fmt.Errorf("a %T is not a UDP socket", conn)
		}
		conns[i] = udp
	}
	return transport.Listen(transport.Config{
		Address: config.Address, Conns: conns, PublicIPs: config.PublicIPs,
		Silence: subscriberQuiet, Connect: connectTimeout, Log: config.Log,
	})
}

// newMux shares what the sockets receive for publishers between all ICE sessions of pion's.
func newMux(t *transport.Transport, log *slog.Logger) *ice.MultiUDPMuxDefault {
	var muxes []ice.UDPMux
	for _, conn := range t.PublisherConns() {
		muxes = append(muxes, ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: conn, Logger: newPionLogger(log, "mux")}))
	}
	return ice.NewMultiUDPMuxDefault(muxes...)
}
