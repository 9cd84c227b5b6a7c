package udpbatch

import (
	"net/netip"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sysReader holds messages in the form of the kernel.
type sysReader struct {
	messages []unix.Mmsghdr
	vectors  []unix.Iovec
	names    []unix.RawSockaddrInet6
	controls []coalesceControl
	buffers  []byte
	read     func(fd uintptr) bool // Reader.receive of the reader, bound once
	n        int
	errno    unix.Errno
}

// coalesceControl is a control message that tells how long the datagrams of a message are. It is the only one the socket asks for.
type coalesceControl struct {
	header unix.Cmsghdr
	size   int32
}

func (s *sysReader) init(r *Reader, n int) {
	s.messages, s.vectors = make([]unix.Mmsghdr, n), make([]unix.Iovec, n)
	s.names, s.controls = make([]unix.RawSockaddrInet6, n), make([]coalesceControl, n)
	s.buffers = make([]byte, n*r.size)
	for i := range n {
		s.vectors[i].Base = &s.buffers[i*r.size]
		s.vectors[i].SetLen(r.size)
		message := &s.messages[i].Hdr
		message.Name = (*byte)(unsafe.Pointer(&s.names[i]))
		message.Iov = &s.vectors[i]
		message.SetIovlen(1)
		message.Control = (*byte)(unsafe.Pointer(&s.controls[i]))
	}
	s.read = r.receive
}

func (r *Reader) read() (int, error) {
	s := &r.sys
	s.n, s.errno = 0, 0
	if err := r.c.raw.Read(s.read); err != nil {
		return 0, err
	}
	if s.errno != 0 {
		return 0, os.NewSyscallError("recvmmsg", s.errno)
	}
	r.c.counters.receiveCalls.Add(1)
	return s.n, nil
}

// receive takes what is there. It returns false to be called again once there is something.
func (r *Reader) receive(fd uintptr) bool {
	s := &r.sys
	for i := range s.messages { // the kernel has put its own values there the last time
		message := &s.messages[i].Hdr
		message.Namelen = unix.SizeofSockaddrInet6
		message.SetControllen(int(unsafe.Sizeof(s.controls[i])))
	}
	for {
		n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&s.messages[0])), uintptr(len(s.messages)),
			unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			return false
		}
		s.n, s.errno = int(n), errno
		return true
	}
}

func (r *Reader) next() (datagram []byte, from netip.AddrPort, ok bool) {
	s := &r.sys
	for r.message < r.received {
		i := r.message
		message, length := &s.messages[i].Hdr, int(s.messages[i].Len)
		if message.Flags&unix.MSG_TRUNC != 0 {
			r.c.counters.truncated.Add(1)
			r.message++
			continue
		}
		size := length
		if control := &s.controls[i]; message.Controllen > 0 && control.header.Level == unix.SOL_UDP && control.header.Type == unix.UDP_GRO {
			size = int(control.size)
		}
		start := r.offset
		end := length
		if size > 0 {
			end = min(start+size, length)
		}
		if r.offset = end; end == length {
			r.message, r.offset = r.message+1, 0
		}
		r.c.counters.received.Add(1)
		buffer := s.buffers[i*r.size : (i+1)*r.size]
		return buffer[start:end:end], getAddress(&s.names[i]), true
	}
	return nil, netip.AddrPort{}, false
}
