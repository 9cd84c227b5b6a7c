package peer

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	batch      = 32      // datagrams taken with one call
	rounds     = 4       // calls for one socket before others have their turn
	receiveBuf = 1 << 20 // bytes that the kernel shall queue: several keyframes
	controlLen = 64
)

// socket is a UDP socket that no runtime knows of: the loops wait for thousands of them with one call.
type socket struct {
	mu        sync.Mutex // guards fd against being used when it is somebody else's
	fd        int
	address   netip.AddrPort
	connected bool // used by the loop
}

// open makes the socket of a connection, on any address of the version of IP that local is of.
func (s *socket) open(local netip.Addr) (err error) {
	s.fd = -1
	family := unix.AF_INET6
	if local.Is4() {
		family = unix.AF_INET
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open socket: %w", os.NewSyscallError("socket", err))
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
		}
	}()
	// Root gets as much as it wants, others what the system allows.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuf) != nil {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuf); err != nil {
			return fmt.Errorf("open socket: %w", os.NewSyscallError("setsockopt", err))
		}
	}
	// The kernel notes when a datagram came, so that latency does not depend on when this program finds the time to look.
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return fmt.Errorf("open socket: %w", os.NewSyscallError("setsockopt", err))
	}
	var any unix.Sockaddr = &unix.SockaddrInet6{}
	if local.Is4() {
		any = &unix.SockaddrInet4{}
	}
	if err := unix.Bind(fd, any); err != nil {
		return fmt.Errorf("open socket: %w", os.NewSyscallError("bind", err))
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		return fmt.Errorf("open socket: %w", os.NewSyscallError("getsockname", err))
	}
	switch b := bound.(type) {
	case *unix.SockaddrInet4:
		s.address = netip.AddrPortFrom(local, uint16(b.Port))
	case *unix.SockaddrInet6:
		s.address = netip.AddrPortFrom(local, uint16(b.Port))
	}
	s.fd = fd
	return nil
}

func (s *socket) local() netip.AddrPort { return s.address }

func sockaddr(to netip.AddrPort) unix.Sockaddr {
	if to.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(to.Port()), Addr: to.Addr().As16()}
}

// connect lets the socket talk with one address only.
func (s *socket) connect(to netip.AddrPort) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd < 0 {
		return unix.EBADF
	}
	return os.NewSyscallError("connect", unix.Connect(s.fd, sockaddr(to)))
}

// sendTo and write send and forget: what cannot be sent is lost, as on the way.
func (s *socket) sendTo(b []byte, to netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd < 0 {
		return
	}
	if s.connected {
		_, _ = unix.Write(s.fd, b)
		return
	}
	_ = unix.Sendto(s.fd, b, unix.MSG_DONTWAIT, sockaddr(to))
}

func (s *socket) write(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd >= 0 {
		_, _ = unix.Write(s.fd, b)
	}
}

// drops reads how many datagrams did not fit into the receive buffer.
func (s *socket) drops() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd < 0 {
		return 0
	}
	var info [9]uint32 // SK_MEMINFO_VARS; the last one is SK_MEMINFO_DROPS
	length := uint32(unsafe.Sizeof(info))
	const soMeminfo = 55
	if _, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(s.fd), unix.SOL_SOCKET, soMeminfo,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&length)), 0); errno != 0 {
		return 0
	}
	return uint64(info[8])
}

func (s *socket) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd >= 0 {
		unix.Close(s.fd)
	}
	s.fd = -1
}

// sysLoop waits for the sockets of a loop, and receives from them.
type sysLoop struct {
	epoll, event int
	calls        int
	messages     [batch]unix.Mmsghdr
	vectors      [batch]unix.Iovec
	names        [batch]unix.RawSockaddrInet6
	controls     [batch][controlLen]byte
	buffers      [batch][datagramLen]byte
}

func (l *Loop) open() (err error) {
	s := &l.sys
	if s.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("open loop: %w", os.NewSyscallError("epoll_create", err))
	}
	if s.event, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		unix.Close(s.epoll)
		return fmt.Errorf("open loop: %w", os.NewSyscallError("eventfd", err))
	}
	if err := unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, s.event, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: -1}); err != nil {
		unix.Close(s.event)
		unix.Close(s.epoll)
		return fmt.Errorf("open loop: %w", os.NewSyscallError("epoll_ctl", err))
	}
	for i := range batch {
		s.vectors[i].Base = &s.buffers[i][0]
		h := &s.messages[i].Hdr
		h.Iov, h.Control = &s.vectors[i], &s.controls[i][0]
		h.SetIovlen(1)
	}
	return nil
}

// watch has the loop receive from a connection that was added to it.
func (l *Loop) watch(c *Conn) error {
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(l.sys.epoll, unix.EPOLL_CTL_ADD, c.socket.fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: c.slot}))
}

// wake ends the waiting of the loop.
func (l *Loop) wake() {
	one := [8]byte{1}
	_, _ = unix.Write(l.sys.event, one[:])
}

func (l *Loop) run() {
	// A thread that waits in a system call of its own keeps the others of the runtime from waiting for it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s := &l.sys
	defer unix.Close(s.epoll)
	defer unix.Close(s.event)
	var events [256]unix.EpollEvent
	next := time.Now().Add(tickEvery)
	for {
		wait := 0
		if rest := l.pool.options.Rest; rest > 0 {
			time.Sleep(rest)
		} else if wait = int(time.Until(next).Milliseconds()) + 1; wait < 0 {
			wait = 0
		}
		n, err := unix.EpollWait(s.epoll, events[:], wait)
		if err != nil && err != unix.EINTR {
			n = 0
		}
		for i := range max(n, 0) {
			if slot := events[i].Fd; slot < 0 {
				var eight [8]byte
				_, _ = unix.Read(s.event, eight[:])
			} else if c := l.conns[slot]; c != nil && !c.gone {
				l.drain(c)
			}
		}
		if !l.work() {
			return
		}
		if now := time.Now(); !now.Before(next) {
			l.tick(now.UnixNano())
			if next = next.Add(tickEvery); next.Before(now) {
				next = now.Add(tickEvery)
			}
		}
	}
}

// drain takes what a socket has received.
func (l *Loop) drain(c *Conn) {
	s := &l.sys
	for range rounds {
		s.calls++
		length := Glimpse
		if c.handler == nil || s.calls%l.pool.options.Whole == 0 {
			length = datagramLen
		}
		for i := range s.messages {
			s.vectors[i].SetLen(length)
			h := &s.messages[i].Hdr
			h.SetControllen(controlLen)
			h.Name, h.Namelen = nil, 0
			if !c.socket.connected {
				h.Name, h.Namelen = (*byte)(unsafe.Pointer(&s.names[i])), unix.SizeofSockaddrInet6
			}
		}
		// MSG_TRUNC: the length is that of the datagram, however much of it was taken.
		r, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(c.socket.fd), uintptr(unsafe.Pointer(&s.messages[0])), batch,
			unix.MSG_DONTWAIT|unix.MSG_TRUNC, 0, 0)
		if errno != 0 {
			return // nothing there; or nobody listens at the other end, which silence will show
		}
		now := time.Now().UnixNano()
		n := int(r)
		for i := range n {
			if c.gone {
				return
			}
			total := int(s.messages[i].Len)
			var from netip.AddrPort
			if !c.socket.connected {
				from = address(&s.names[i])
			}
			c.datagram(s.buffers[i][:min(total, length)], total, from, s.arrival(i, now))
		}
		if n < batch {
			return
		}
	}
}

// arrival is when the kernel received a datagram, or now where it does not say.
func (s *sysLoop) arrival(i int, now int64) int64 {
	h := &s.messages[i].Hdr
	control := s.controls[i][:h.Controllen]
	const head = unix.SizeofCmsghdr
	if len(control) < head+16 {
		return now
	}
	c := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
	if c.Level != unix.SOL_SOCKET || c.Type != unix.SCM_TIMESTAMPNS {
		return now
	}
	seconds := int64(binary.NativeEndian.Uint64(control[head:]))
	return seconds*1e9 + int64(binary.NativeEndian.Uint64(control[head+8:]))
}

func address(name *unix.RawSockaddrInet6) netip.AddrPort {
	port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&name.Port))[:])
	if name.Family == unix.AF_INET {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16(name.Addr).Unmap(), port)
}
