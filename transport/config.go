package transport

import (
	"errors"
	"log/slog"
	"net"
	"runtime"
	"time"
)

// Why a Peer ended, given to Callbacks.Closed.
var (
	ErrNeverConnected = errors.New("no connection came about")
	ErrSilent         = errors.New("the other side is silent")
	ErrHungUp         = errors.New("the other side has closed the connection")
	// ErrFingerprint says that the certificate of the handshake is not the one that the offer announced.
	ErrFingerprint = errors.New("the certificate is not the one that was announced")
	// ErrClosed says that the Transport, or the Peer, was closed.
	ErrClosed = errors.New("the transport is closed")
	// ErrNotConnected says that a Peer has no keys or no address yet.
	ErrNotConnected = errors.New("not connected")
)

// Config is what a Transport is made of.
type Config struct {
	// Address is where everything is received and sent, "host:port". Without a host, or with an unspecified one, every address of the
	// machine gets sockets with this port; an answer then leaves from the address that was asked. A loopback address serves this machine only.
	Address string
	// Conns are bound UDP sockets to use instead of Address, one for each local address. The Transport closes them.
	Conns []*net.UDPConn
	// PublicIPs are announced instead of the local addresses of their family: 1:1 NAT.
	PublicIPs []string
	// Shards is how many sockets each address gets; 0 means one for each core the program uses.
	Shards int
	// Handshakes is how many DTLS handshakes run at once, 0 means 64 for each core. Others wait for their turn.
	Handshakes int

	// Silence is after how much of it a Peer is gone: 9 s. It is asked whether it is still there from 4/9 of it on.
	Silence time.Duration
	// Connect is how long a Peer may take to connect, 15 s, of which the DTLS handshake may take Handshake, 10 s.
	Connect, Handshake time.Duration
	// Retransmission is after how long a flight of the handshake is sent again for the first time: 100 ms.
	Retransmission time.Duration

	// Log is where the Transport writes; nil means slog.Default.
	Log *slog.Logger
}

const handshakesPerCore = 64

func (c Config) withDefaults() Config {
	if c.Shards <= 0 {
		c.Shards = runtime.GOMAXPROCS(0)
	}
	if c.Handshakes <= 0 {
		c.Handshakes = handshakesPerCore * runtime.GOMAXPROCS(0)
	}
	for _, d := range []struct {
		value *time.Duration
		usual time.Duration
	}{
		{&c.Silence, 9 * time.Second}, {&c.Connect, 15 * time.Second}, {&c.Handshake, 10 * time.Second}, {&c.Retransmission, 100 * time.Millisecond},
	} {
		if *d.value <= 0 {
			*d.value = d.usual
		}
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

// rhythm is the durations of a Config in milliseconds of the Transport's clock, and what follows from them.
type rhythm struct {
	silence int64 // a Peer is gone
	quiet   int64 // it is asked whether it is there
	ask     int64 // between two questions
	stale   int64 // an address is given up for another one that is not silent
	goodbye int64 // a Peer that seems to have said goodbye and does not answer is gone
	connect int64
	tick    time.Duration
}

func (c Config) rhythm() rhythm {
	silence := c.Silence.Milliseconds()
	return rhythm{
		silence: silence, quiet: silence * 4 / 9, ask: max(silence/9, 1), stale: silence / 3, goodbye: max(silence/9, 1),
		connect: c.Connect.Milliseconds(), tick: max(c.Silence/36, time.Millisecond),
	}
}
