package transport

import (
	"errors"
	"net/netip"

	"streamcat/srtp"
	"streamcat/udpbatch"
)

const (
	// A shard's batch: what one burst of frames to some dozens of viewers takes. More would not fit into the cache of a core.
	batchMessages = 64
	batchArena    = 256 << 10
)

// route is where and how a Peer's media goes. It is replaced as a whole.
type route struct {
	local                     int
	remote                    netip.AddrPort
	sender                    *srtp.Sender
	overhead, controlOverhead int
}

// Batch queues datagrams to Peers for one goroutine.
type Batch struct {
	t               *Transport
	shard           int
	messages, arena int
	queues          []*udpbatch.Batch // by local address, nil until used
	scratch         []byte
}

// NewBatch makes a batch for a goroutine that sends. It sends from the sockets of a shard, which shares their locks with others that do.
func (t *Transport) NewBatch(shard int) *Batch {
	return t.newBatch(shard, batchMessages, batchArena)
}

func (t *Transport) newBatch(shard, messages, arena int) *Batch {
	return &Batch{t: t, shard: shard, messages: messages, arena: arena, queues: make([]*udpbatch.Batch, len(t.locals)), scratch: make([]byte, 0, 512)}
}

// queue returns the queue of one local address.
func (b *Batch) queue(local int) *udpbatch.Batch {
	if b.queues[local] == nil {
		b.queues[local] = b.t.locals[local].conn(b.shard).NewBatch(b.messages, b.arena)
	}
	return b.queues[local]
}

// Flush sends all that is queued. An error means that a socket is closed or broken.
func (b *Batch) Flush() error {
	var failed error
	for _, q := range b.queues {
		if q == nil || q.Len() == 0 {
			continue
		}
		if err := q.Flush(); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// AppendRTP queues an RTP packet: a complete header and a payload that is only read, both protected on the way into the batch. index is the
// sequence number with the times it wrapped above its 16 bits. Packets of one Peer that follow each other and are equally long, of
// which the last may be shorter, leave as one message. Nothing is allocated.
func (p *Peer) AppendRTP(b *Batch, header, payload []byte, index uint64) error {
	r := p.route.Load()
	if r == nil {
		return ErrNotConnected
	}
	q := b.queue(r.local)
	room, err := q.Room(len(header) + len(payload) + r.overhead)
	if err != nil {
		return err
	}
	packet, err := r.sender.SealRTP(room, header, payload, index)
	if err != nil {
		return err
	}
	return q.Add(r.remote, packet)
}

// AppendRTCP queues a compound RTCP packet.
func (p *Peer) AppendRTCP(b *Batch, packet []byte) error {
	r := p.route.Load()
	if r == nil {
		return ErrNotConnected
	}
	q := b.queue(r.local)
	room, err := q.Room(len(packet) + r.controlOverhead)
	if err != nil {
		return err
	}
	sealed, err := r.sender.SealRTCP(room, packet)
	if err != nil {
		return err
	}
	return q.Add(r.remote, sealed)
}
