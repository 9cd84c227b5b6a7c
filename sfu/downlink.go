package sfu

import (
	"sync"
	"time"

	"github.com/pion/rtcp"

	"streamcat/stage"
)

// downlink is one subscriber: its sections and what each of them carries now.
type downlink struct {
	participant stage.ParticipantID // who receives
	publisher   stage.ParticipantID // of whom, "" for the whole stage
	audience    bool
	shard       int               // the index of the shard that serves it
	ended       func(cause error) // ends the session
	over        func() bool       // says whether it has ended
	counters    *counters

	ready     bool            // the transport is connected; guarded by router.mu
	selection stage.Selection // guarded by router.mu

	mu        sync.Mutex // after router.mu
	transport transport
	outputs   []*output
	routes    map[*track]*output // of outputs that carry something
	buf       []byte             // for retransmissions
}

// open says what it is made of. Nothing is sent before the router has taken it in.
func (d *downlink) open(transport transport, sections []section) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.transport = transport
	d.routes = make(map[*track]*output, len(sections))
	for i, s := range sections {
		d.outputs = append(d.outputs, newOutput(d, i, s))
	}
}

// carry sets what every section carries. When it returns, nothing else is sent any more.
func (d *downlink) carry(source func(slot int, kind stage.Kind) *track) {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.routes)
	for _, o := range d.outputs {
		t := source(o.slot, o.kind)
		if t != nil {
			d.routes[t] = o
		}
		o.set(t)
	}
}

// deliver forwards those of the packets that this subscriber receives.
func (d *downlink) deliver(packets []packet, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range packets {
		if o := d.routes[packets[i].track]; o != nil {
			o.forward(&packets[i], now)
		}
	}
}

// interrupted says that packets of a track were not delivered: its video goes on at the next keyframe.
func (d *downlink) interrupted(t *track) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if o := d.routes[t]; o != nil {
		o.pause()
	}
}

// report sends a sender report for the section that carries t.
func (d *downlink) report(t *track, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if o := d.routes[t]; o != nil {
		o.report(now)
	}
}

// feedback takes what the subscriber says of one section.
func (d *downlink) feedback(section int, packets []rtcp.Packet) {
	d.mu.Lock()
	defer d.mu.Unlock()
	o := d.outputs[section]
	for _, p := range packets {
		switch p := p.(type) {
		case *rtcp.TransportLayerNack:
			if p.MediaSSRC == o.ssrc {
				o.lost(p.Nacks)
			}
		case *rtcp.PictureLossIndication:
			if p.MediaSSRC == o.ssrc {
				o.requestKeyframe(time.Now())
			}
		case *rtcp.FullIntraRequest:
			for _, entry := range p.FIR {
				if entry.SSRC == o.ssrc {
					o.requestKeyframe(time.Now())
				}
			}
		}
	}
}
