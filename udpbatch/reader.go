package udpbatch

import (
	"fmt"
	"net/netip"
)

// Reader receives the datagrams of one Conn into buffers of its own. It is not safe for concurrent use, and two readers of a Conn share
// its datagrams between them.
type Reader struct {
	c    *Conn
	size int // of the buffer of one message
	sys  sysReader
	// received is how many messages Read left, of which message is the next and offset is how much of it Next has returned.
	received, message, offset int
}

// NewReader makes a reader that takes as many messages as there are with one system call, up to a number, each of them up to a size in
// bytes. When the socket coalesces, size is 64 kB whatever is given. It allocates all it ever needs.
func (c *Conn) NewReader(messages, size int) *Reader {
	size = max(size, 1)
	if c.coalesce {
		size = 1 << 16
	}
	r := &Reader{c: c, size: size}
	r.sys.init(r, max(messages, 1))
	return r
}

// Read waits for datagrams, and receives those there are. What Next returned before is overwritten. The error is net.ErrClosed or
// os.ErrDeadlineExceeded, or one of the socket after which Read may be called again.
func (r *Reader) Read() error {
	r.received, r.message, r.offset = 0, 0, 0
	n, err := r.read()
	if err != nil {
		return fmt.Errorf("receive datagrams: %w", err)
	}
	r.received = n
	return nil
}

// Next returns the next datagram that Read received, and where it came from; false when there is none left. The memory is good until
// the next Read and may be written to. The source is IPv4 for a sender with IPv4, also on a socket for both.
func (r *Reader) Next() (datagram []byte, from netip.AddrPort, ok bool) {
	return r.next()
}
