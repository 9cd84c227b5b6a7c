package udpbatch

import (
	"errors"
	"net/netip"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxRefusals is after how many runs in a row that the kernel refused to cut no more are tried: a single one is the matter of one
// destination, behind a tunnel for example.
const maxRefusals = 16

// sysConn is what a Conn needs of the operating system beyond the net package. Tests put kernels with other manners here.
type sysConn struct {
	// sendmmsg sends messages without blocking, and returns how many it sent. An error is that of the first message.
	sendmmsg func(fd uintptr, messages []unix.Mmsghdr) (int, unix.Errno)
	refusals int // runs refused in a row, guarded by Conn.sending
}

// sysBatch holds the messages of a batch in the form of the kernel. All of it lies on the heap, at places that do not change, with pointers
// between them set once.
type sysBatch struct {
	messages []unix.Mmsghdr
	vectors  []unix.Iovec
	names    []unix.RawSockaddrInet6
	controls []segmentControl
	write    func(fd uintptr) bool // Batch.write of the batch, bound once

	next  int  // run to be sent next
	wait  bool // whether to wait when the socket is full, or to return first
	alone int  // datagrams of the next run already sent as messages of their own, -1 when it is to be sent as one

	single        [maxSegments]unix.Mmsghdr // datagrams of a run that the kernel does not cut
	singleVectors [maxSegments]unix.Iovec
}

// segmentControl is a control message that tells the kernel to cut a message. Its layout is that of a cmsghdr with 16 bits of data, padded
// to its alignment.
type segmentControl struct {
	header unix.Cmsghdr
	size   uint16
}

func (s *sysBatch) init(b *Batch) {
	n := cap(b.runs)
	s.messages, s.vectors = make([]unix.Mmsghdr, n), make([]unix.Iovec, n)
	s.names, s.controls = make([]unix.RawSockaddrInet6, n), make([]segmentControl, n)
	for i := range n {
		message := &s.messages[i].Hdr
		message.Name = (*byte)(unsafe.Pointer(&s.names[i]))
		message.Iov = &s.vectors[i]
		message.SetIovlen(1)
		s.controls[i].header.Level = unix.SOL_UDP
		s.controls[i].header.Type = unix.UDP_SEGMENT
		s.controls[i].header.SetLen(unix.CmsgLen(int(unsafe.Sizeof(s.controls[i].size))))
	}
	for i := range s.single {
		s.single[i].Hdr.Iov = &s.singleVectors[i]
		s.single[i].Hdr.SetIovlen(1)
	}
	s.write = b.write
}

// begin sets the destination of a run that is going to be queued.
func (s *sysBatch) begin(i int, to netip.AddrPort, v versions) bool {
	length, ok := putAddress(&s.names[i], to, v)
	s.messages[i].Hdr.Namelen = length
	return ok
}

// send sends all runs.
func (b *Batch) send() error {
	if !b.c.batched.Load() {
		return b.sendEach(b.runs)
	}
	s := &b.sys
	for i := range b.runs {
		r, message := &b.runs[i], &s.messages[i].Hdr
		s.vectors[i].Base = &b.arena[r.start]
		s.vectors[i].SetLen(r.end - r.start)
		if r.count > 1 {
			s.controls[i].size = uint16(r.size)
			message.Control = (*byte)(unsafe.Pointer(&s.controls[i]))
			message.SetControllen(int(unsafe.Sizeof(s.controls[i])))
		} else {
			message.Control = nil
			message.SetControllen(0)
		}
	}
	s.next, s.alone, s.wait = 0, -1, false
	err := b.c.raw.Write(s.write)
	if err == nil && s.next < len(b.runs) && b.c.batched.Load() {
		b.tally.waits++
		err = b.sendFull()
	}
	rest, done := b.runs[s.next:], max(s.alone, 0)
	switch {
	case err != nil:
		return b.broken(rest, done, err)
	case b.c.batched.Load():
		b.tally.dropped += remaining(rest, done)
		return nil
	}
	return b.sendEach(rest) // the kernel turned out to have no sendmmsg
}

// sendFull goes on with a socket that is full, waits for room in it, and leaves what finds none.
func (b *Batch) sendFull() error {
	if err := b.c.udp.SetWriteDeadline(time.Now().Add(sendWait)); err != nil {
		return err
	}
	b.sys.wait = true
	err := b.c.raw.Write(b.sys.write)
	b.sys.wait = false
	if clearErr := b.c.udp.SetWriteDeadline(time.Time{}); clearErr != nil {
		return clearErr
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = b.c.raw.Write(b.sys.write) // the time may have passed without a look at the socket
	}
	return err
}

// write sends what is left, until all is sent or the socket is full. It returns false to be called again once there is room.
func (b *Batch) write(fd uintptr) bool {
	s, t := &b.sys, &b.tally
	for s.next < len(b.runs) {
		r := &b.runs[s.next]
		messages := s.messages[s.next:len(b.runs)]
		if s.alone >= 0 {
			messages = s.single[s.alone:r.count]
		}
		n, errno := b.c.sys.sendmmsg(fd, messages)
		t.calls++
		switch {
		case errno == 0:
			b.sent(n)
		case errno == unix.EINTR:
		case errno == unix.EAGAIN:
			return !s.wait
		case errno == unix.ENOSYS:
			b.c.batched.Store(false)
			b.c.segment.Store(false)
			return true
		case s.alone < 0 && r.count > 1 && (errno == unix.EINVAL || errno == unix.EIO || errno == unix.EMSGSIZE):
			b.cutHere(r)
		case s.alone >= 0:
			t.lost(1, errno == unix.ENOBUFS || errno == unix.ENOMEM)
			b.skip(1)
		default:
			t.lost(r.count, errno == unix.ENOBUFS || errno == unix.ENOMEM)
			b.skip(1)
		}
	}
	return true
}

// sent notes that the kernel took n messages.
func (b *Batch) sent(n int) {
	s := &b.sys
	if s.alone >= 0 {
		r := &b.runs[s.next]
		for k := range n {
			b.tally.sent(1, 1, len(b.segment(r, s.alone+k)))
		}
		b.skip(n)
		return
	}
	for _, r := range b.runs[s.next : s.next+n] {
		b.tally.sent(r.count, 1, r.end-r.start)
		if r.count > 1 {
			b.c.sys.refusals = 0
		}
	}
	b.skip(n)
}

// skip goes on behind n messages.
func (b *Batch) skip(n int) {
	s := &b.sys
	if s.alone < 0 {
		s.next += n
		return
	}
	if s.alone += n; s.alone == b.runs[s.next].count {
		s.next, s.alone = s.next+1, -1
	}
}

// cutHere prepares the next run to be sent as single datagrams, since the kernel does not cut it: no checksum offload or a transformation
// on the way (EIO), or datagrams that are longer than what the path carries (EINVAL, EMSGSIZE).
func (b *Batch) cutHere(r *run) {
	s := &b.sys
	s.alone = 0
	for k := range r.count {
		datagram := b.segment(r, k)
		s.singleVectors[k].Base = &datagram[0]
		s.singleVectors[k].SetLen(len(datagram))
		s.single[k].Hdr.Name = s.messages[s.next].Hdr.Name
		s.single[k].Hdr.Namelen = s.messages[s.next].Hdr.Namelen
	}
	b.tally.refused++
	if b.c.sys.refusals++; b.c.sys.refusals >= maxRefusals {
		b.c.segment.Store(false)
	}
}

func sendmmsg(fd uintptr, messages []unix.Mmsghdr) (int, unix.Errno) {
	n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&messages[0])), uintptr(len(messages)), unix.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}
