package load

import (
	"math"
	"slices"
	"time"
)

// Report is the result of a test, as one JSON object. Times have their unit in the name; what was not measured is left out.
type Report struct {
	Schema int `json:"schema"`
	// Ended says why the test ended: done, interrupted, out of time, or what went wrong.
	Ended    string    `json:"ended"`
	Server   Server    `json:"server"`
	Stream   Stream    `json:"stream"`
	Machine  Machine   `json:"machine"`
	Join     *Join     `json:"join,omitempty"`
	Windows  []Window  `json:"windows,omitempty"`
	Summary  *Summary  `json:"summary,omitempty"`
	Probes   *Join     `json:"probes,omitempty"`
	Memory   *Memory   `json:"memory,omitempty"`
	Keyframe Keyframes `json:"keyframes"`
	Find     *Find     `json:"find,omitempty"`
	Warnings []string  `json:"warnings,omitempty"`
}

// Server is what was tested.
type Server struct {
	URL  string `json:"url"`
	PID  int    `json:"pid,omitempty"`
	CPUs []int  `json:"cpus,omitempty"`
}

// Stream is what was sent, and how it was received.
type Stream struct {
	Hosts     int     `json:"hosts"`
	Viewers   int     `json:"viewers"` // asked for
	Slots     int     `json:"slots,omitempty"`
	Codec     string  `json:"codec"`
	Size      string  `json:"size,omitempty"`
	VideoKbps int     `json:"videoKbps,omitempty"`
	FPS       float64 `json:"fps,omitempty"`
	AudioKbps int     `json:"audioKbps,omitempty"`
	Simulcast bool    `json:"simulcast,omitempty"`
	Clip      bool    `json:"clip,omitempty"`
	Feedback  string  `json:"feedback"`
	Events    bool    `json:"events,omitempty"`
	Profile   string  `json:"profile,omitempty"` // that protected the packets
}

// Machine is where the test ran.
type Machine struct {
	Processors int   `json:"processors"`
	LoadCPUs   []int `json:"loadCPUs,omitempty"`
	Loops      int   `json:"loops"`
	RestMicros int64 `json:"restMicros,omitempty"`
}

// Quantiles are those of a row of times.
type Quantiles struct {
	N   uint64  `json:"n"`
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// Join is how viewers came in.
type Join struct {
	// Method says whether media was flowing, and how the CPU of joining was told apart from that of forwarding.
	Method    string  `json:"method"`
	Joined    int     `json:"joined"`
	Failed    int     `json:"failed"`
	Throttled int     `json:"throttled,omitempty"` // requests that were told to come later
	PerSecond float64 `json:"perSecond"`
	// OfferToDTLSMs is from the HTTP request with the offer to the end of the DTLS handshake, FirstKeyframeMs from there to the last packet
	// of the first complete keyframe.
	OfferToAnswerMs Quantiles  `json:"offerToAnswerMs"`
	OfferToDTLSMs   Quantiles  `json:"offerToDTLSMs"`
	FirstKeyframeMs *Quantiles `json:"firstKeyframeMs,omitempty"`
	ServerCPUMs     *float64   `json:"serverCPUMsPerJoin,omitempty"`
	OwnCores        float64    `json:"ownCores"`
	Errors          []string   `json:"errors,omitempty"` // a few
}

// Window is what was measured in a stretch of time.
type Window struct {
	Seconds          float64 `json:"seconds"`
	Viewers          int     `json:"viewers"`
	PacketsPerSecond float64 `json:"packetsPerSecond"`
	MbitPerSecond    float64 `json:"mbitPerSecond"`
	// LossPercent is what viewers lack of what the hosts sent. HolesPercent are gaps in the numbers they see, after repair.
	LossPercent  float64   `json:"lossPercent"`
	HolesPercent float64   `json:"holesPercent"`
	Stalled      int       `json:"stalledViewers"`
	Repaired     int64     `json:"repairedPackets"`
	Requested    int64     `json:"nackedPackets"`
	Repetitions  int64     `json:"repeatedPackets"`
	LatencyMs    Quantiles `json:"latencyMs"`
	AudioMs      Quantiles `json:"audioLatencyMs"`
	VideoMs      Quantiles `json:"videoLatencyMs"`
	// Of the server, where its process is known.
	ServerCores     *float64 `json:"serverCores,omitempty"`
	MicrosPerPacket *float64 `json:"serverCPUMicrosPerPacket,omitempty"`
	ViewersPerCore  *float64 `json:"viewersPerCore,omitempty"`
	RSSKB           *float64 `json:"serverRSSKB,omitempty"`
	// Of this program and of everything else on the machine.
	OwnCores   float64 `json:"ownCores"`
	OtherCores float64 `json:"otherCores"`
	Dropped    uint64  `json:"droppedByLoad"` // datagrams that this program did not fetch in time
	Verified   int64   `json:"verifiedPackets"`
	Forged     int64   `json:"forgedPackets"`
	Keyframes  int64   `json:"keyframesAsked"`
}

// Spread is a figure over several windows.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// Summary is what the tables show.
type Summary struct {
	MicrosPerPacket  *Spread `json:"serverCPUMicrosPerPacket,omitempty"`
	ServerCores      *Spread `json:"serverCores,omitempty"`
	ViewersPerCore   *Spread `json:"viewersPerCore,omitempty"`
	PacketsPerSecond Spread  `json:"packetsPerSecond"`
	LossPercent      Spread  `json:"lossPercent"`
	LatencyP50Ms     Spread  `json:"latencyP50Ms"`
	LatencyP95Ms     Spread  `json:"latencyP95Ms"`
	LatencyP99Ms     Spread  `json:"latencyP99Ms"`
	OwnCores         Spread  `json:"ownCores"`
	OtherCores       Spread  `json:"otherCores"`
}

// Memory is what the server holds. Idle is with the hosts and without viewers.
type Memory struct {
	IdleKB      float64 `json:"idleKB"`
	LoadedKB    float64 `json:"loadedKB"`
	PerViewerKB float64 `json:"perViewerKB"`
}

// Keyframes counts what was asked of the hosts, over the whole test.
type Keyframes struct {
	// Asked counts requests that came in, Extra the keyframes sent because of them, Wanted what viewers asked the server for.
	Asked  int64 `json:"asked"`
	Extra  int64 `json:"extra"`
	Wanted int64 `json:"askedByViewers"`
}

// Find is the result of a search.
type Find struct {
	Largest        int     `json:"largest"`
	LimitedBy      string  `json:"limitedBy"`
	MaxLossPercent float64 `json:"maxLossPercent"`
	MaxLatencyMs   float64 `json:"maxLatencyP99Ms"`
	Trials         []Trial `json:"trials"`
}

// Trial is one audience that was tried.
type Trial struct {
	Viewers int    `json:"viewers"`
	Good    bool   `json:"good"`
	Reason  string `json:"reason,omitempty"` // why it is not good
	Window  Window `json:"window"`
}

// spread takes a figure of each window.
func spread(windows []Window, figure func(*Window) float64) Spread {
	values := make([]float64, len(windows))
	for i := range windows {
		values[i] = figure(&windows[i])
	}
	slices.Sort(values)
	n := len(values)
	return Spread{Median: round((values[(n-1)/2] + values[n/2]) / 2), Min: values[0], Max: values[n-1]}
}

// known is like spread for figures that may be missing.
func known(windows []Window, figure func(*Window) *float64) *Spread {
	for i := range windows {
		if figure(&windows[i]) == nil {
			return nil
		}
	}
	s := spread(windows, func(w *Window) float64 { return *figure(w) })
	return &s
}

// summarize makes the summary of one window or more.
func summarize(w []Window) *Summary {
	if len(w) == 0 {
		return nil
	}
	return &Summary{
		MicrosPerPacket:  known(w, func(w *Window) *float64 { return w.MicrosPerPacket }),
		ServerCores:      known(w, func(w *Window) *float64 { return w.ServerCores }),
		ViewersPerCore:   known(w, func(w *Window) *float64 { return w.ViewersPerCore }),
		PacketsPerSecond: spread(w, func(w *Window) float64 { return w.PacketsPerSecond }),
		LossPercent:      spread(w, func(w *Window) float64 { return w.LossPercent }),
		LatencyP50Ms:     spread(w, func(w *Window) float64 { return w.LatencyMs.P50 }),
		LatencyP95Ms:     spread(w, func(w *Window) float64 { return w.LatencyMs.P95 }),
		LatencyP99Ms:     spread(w, func(w *Window) float64 { return w.LatencyMs.P99 }),
		OwnCores:         spread(w, func(w *Window) float64 { return w.OwnCores }),
		OtherCores:       spread(w, func(w *Window) float64 { return w.OtherCores }),
	}
}

// quantiles of a histogram, in milliseconds.
func (h *histogram) quantiles() Quantiles {
	return Quantiles{N: h.n, P50: ms(h.quantile(0.5)), P95: ms(h.quantile(0.95)), P99: ms(h.quantile(0.99)), Max: ms(time.Duration(h.max) * time.Microsecond)}
}

// quantilesOf a few times, which it sorts: the smallest value that the share does not exceed.
func quantilesOf(times []time.Duration) Quantiles {
	slices.Sort(times)
	n := len(times)
	if n == 0 {
		return Quantiles{}
	}
	at := func(q float64) float64 { return ms(times[max(0, int(math.Ceil(q*float64(n)))-1)]) }
	return Quantiles{N: uint64(n), P50: at(0.5), P95: at(0.95), P99: at(0.99), Max: at(1)}
}

func ms(d time.Duration) float64 { return round(float64(d) / float64(time.Millisecond)) }

// round to four significant digits, which is more than any of this is exact.
func round(v float64) float64 {
	if v == 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return 0
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(v))))
	if scale < 1 {
		return math.Round(v)
	}
	return math.Round(v*scale) / scale
}
