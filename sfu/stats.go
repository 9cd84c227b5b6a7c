package sfu

import "sync/atomic"

// Stats are the engine's counters since its start, and how many sessions it has now.
type Stats struct {
	Publishers, Subscribers int64 // sessions now

	PacketsIn, BytesIn   int64 // RTP packets from publishers and the bytes of their payloads
	PacketsOut, BytesOut int64 // the same to subscribers, retransmissions included

	KeyframeRequests int64 // PLI sent to publishers
	NacksAnswered    int64 // packets that a subscriber asked for again and got
	NacksMissed      int64 // packets that were no longer, or not, to be had
	Overflows        int64 // times a fan-out worker fell so far behind that packets were dropped
	SendFailures     int64 // times a socket was broken, and with it all packets of a batch lost
}

type counters struct {
	publishers, subscribers    atomic.Int64
	packetsIn, bytesIn         atomic.Int64
	packetsOut, bytesOut       atomic.Int64
	keyframeRequests           atomic.Int64
	nacksAnswered, nacksMissed atomic.Int64
	overflows                  atomic.Int64
	sendFailures               atomic.Int64
}

// Stats reads the counters. They are read one after the other: sums of two of them may be off by what happened between.
func (e *Engine) Stats() Stats {
	c := &e.counters
	return Stats{
		Publishers:       c.publishers.Load(),
		Subscribers:      c.subscribers.Load(),
		PacketsIn:        c.packetsIn.Load(),
		BytesIn:          c.bytesIn.Load(),
		PacketsOut:       c.packetsOut.Load(),
		BytesOut:         c.bytesOut.Load(),
		KeyframeRequests: c.keyframeRequests.Load(),
		NacksAnswered:    c.nacksAnswered.Load(),
		NacksMissed:      c.nacksMissed.Load(),
		Overflows:        c.overflows.Load(),
		SendFailures:     c.sendFailures.Load(),
	}
}
