package rtcapi

import (
	"bufio"
	"net"
	"net/http"
	"time"
)

const (
	// wireBuffer is the size of a socket's read and of its write buffer. Nearly every frame of a client fits; larger ones
	// bypass it.
	wireBuffer = 1 << 10
	// writeTimeout is how long a peer may take nothing of what is written before it counts as gone.
	writeTimeout = 5 * time.Second
	// closeTimeout is how long a peer has to answer the closing frame.
	closeTimeout = 5 * time.Second
)

// wire is the connection under a WebSocket. The deadlines are here and not in contexts: a context costs a timer for each
// frame and socket, and the WebSocket library does not watch it in all of its closing handshake.
type wire struct{ net.Conn }

// Write writes with a deadline.
func (c wire) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// upgrader is a ResponseWriter that hands out a wire with small buffers and remembers it. net/http's own buffers, 4 KB each way,
// are garbage then.
type upgrader struct {
	http.ResponseWriter
	wire wire
}

// Hijack implements http.Hijacker.
func (u *upgrader) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffers, err := http.NewResponseController(u.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	u.wire = wire{conn}
	reader := buffers.Reader
	if reader.Buffered() == 0 { // else the client was in a hurry, and what it sent is in there
		reader = bufio.NewReaderSize(u.wire, wireBuffer)
	}
	return u.wire, bufio.NewReadWriter(reader, bufio.NewWriterSize(u.wire, wireBuffer)), nil
}
