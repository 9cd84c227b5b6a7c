package udpbatch

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// reusePort lets other sockets listen on the same address.
func reusePort(_, _ string, raw syscall.RawConn) error {
	var err error
	if controlErr := raw.Control(func(fd uintptr) {
		err = os.NewSyscallError("setsockopt SO_REUSEPORT", unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
	}); controlErr != nil {
		return controlErr
	}
	return err
}

// setUp finds out what the kernel and the socket can, and sets what the options want.
func (c *Conn) setUp(o Options) error {
	c.sys.sendmmsg = sendmmsg
	c.batched.Store(true)
	var err error
	if controlErr := c.raw.Control(func(fd uintptr) { err = c.setOptions(int(fd), o) }); controlErr != nil {
		return controlErr
	}
	return err
}

func (c *Conn) setOptions(fd int, o Options) error {
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return os.NewSyscallError("getsockopt SO_DOMAIN", err)
	}
	c.versions = ipv4
	if domain == unix.AF_INET6 {
		only, err := unix.GetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY)
		if err != nil {
			return os.NewSyscallError("getsockopt IPV6_V6ONLY", err)
		}
		c.versions = ipv6
		if only == 0 {
			c.versions |= ipv4
		}
	}
	// A kernel without UDP_SEGMENT (before 4.18) does not know the option.
	_, err = unix.GetsockoptInt(fd, unix.SOL_UDP, unix.UDP_SEGMENT)
	c.segment.Store(err == nil && !o.WholeDatagrams)
	if o.Coalesce { // since 5.0
		c.coalesce = unix.SetsockoptInt(fd, unix.SOL_UDP, unix.UDP_GRO, 1) == nil
	}
	if c.buffers.Receive, err = setBuffer(fd, unix.SO_RCVBUF, unix.SO_RCVBUFFORCE, o.ReceiveBuffer); err != nil {
		return os.NewSyscallError("set SO_RCVBUF", err)
	}
	if c.buffers.Send, err = setBuffer(fd, unix.SO_SNDBUF, unix.SO_SNDBUFFORCE, o.SendBuffer); err != nil {
		return os.NewSyscallError("set SO_SNDBUF", err)
	}
	return nil
}

// setBuffer wants a size of a queue, first beyond the limit of the system, which needs a privilege, and returns what came of it. The
// kernel keeps the double, for its own bookkeeping, and says so.
func setBuffer(fd, option, force, size int) (int, error) {
	if size > 0 && unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, size) != nil {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, size); err != nil {
			return 0, err
		}
	}
	granted, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, option)
	return granted / 2, err
}
