package sfu

import (
	"sync"
	"time"

	"streamcat/stage"
	"streamcat/transport"
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

	ready     bool            // the carrier is connected; guarded by router.mu
	selection stage.Selection // guarded by router.mu

	mu      sync.Mutex // after router.mu
	carrier carrier
	outputs []output
	routes  map[*track]*output // of outputs that carry something
	scratch [maxReport]byte    // for headers and reports
	buf     []byte             // for retransmissions
}

// open says what it is made of. Nothing is sent before the router has taken it in.
func (d *downlink) open(c carrier, sections []section) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.carrier = c
	d.routes = map[*track]*output{}
	d.outputs = make([]output, len(sections))
	for i, s := range sections {
		d.outputs[i].init(d, s)
	}
}

// carry sets what every section carries. When it returns, nothing else is queued any more.
func (d *downlink) carry(source func(slot int, kind stage.Kind) *track) {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.routes)
	for i := range d.outputs {
		o := &d.outputs[i]
		t := source(o.slot, o.kind)
		if t != nil {
			d.routes[t] = o
		}
		o.set(t)
	}
}

// deliver queues those of the packets that this subscriber receives.
func (d *downlink) deliver(b *transport.Batch, groups []*group, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, g := range groups {
		if o := d.routes[g.track]; o != nil {
			for i := range g.packets {
				o.forward(b, &g.packets[i], now)
			}
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

// report queues a sender report for the section that carries t.
func (d *downlink) report(b *transport.Batch, t *track, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if o := d.routes[t]; o != nil {
		o.report(b, now)
	}
}

// output finds a section by the SSRC it sends with.
func (d *downlink) output(ssrc uint32) *output {
	for i := range d.outputs {
		if d.outputs[i].ssrc == ssrc {
			return &d.outputs[i]
		}
	}
	return nil
}
