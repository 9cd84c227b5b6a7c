package server

import (
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"streamcat/sfu"
)

// serveAdmin offers metrics and profiling on a listener of their own, so that the public one cannot reach them.
func (s *Server) serveAdmin(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen for metrics (--admin off does without): %w", err)
	}
	s.admin = listener.Addr().String()
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		newMediaCollector(s.engine),
	)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	s.serve(listener, mux, 0) // a profile takes as long as it is asked to
	return nil
}

// mediaCollector reads the engine's counters when somebody scrapes.
type mediaCollector struct {
	engine  *sfu.Engine
	metrics []mediaMetric
}

type mediaMetric struct {
	describe *prometheus.Desc
	kind     prometheus.ValueType
	value    func(sfu.Stats) int64
}

func newMediaCollector(engine *sfu.Engine) *mediaCollector {
	c := &mediaCollector{engine: engine}
	add := func(kind prometheus.ValueType, name, help string, value func(sfu.Stats) int64) {
		c.metrics = append(c.metrics, mediaMetric{prometheus.NewDesc("streamcat_media_"+name, help, nil, nil), kind, value})
	}
	gauge, counter := prometheus.GaugeValue, prometheus.CounterValue
	add(gauge, "publishers", "Publish connections now.", func(s sfu.Stats) int64 { return s.Publishers })
	add(gauge, "subscribers", "Subscribe connections now.", func(s sfu.Stats) int64 { return s.Subscribers })
	add(counter, "received_packets_total", "RTP packets from publishers.", func(s sfu.Stats) int64 { return s.PacketsIn })
	add(counter, "received_bytes_total", "RTP payload bytes from publishers.", func(s sfu.Stats) int64 { return s.BytesIn })
	add(counter, "sent_packets_total", "RTP packets to subscribers, retransmissions included.", func(s sfu.Stats) int64 { return s.PacketsOut })
	add(counter, "sent_bytes_total", "RTP payload bytes to subscribers, retransmissions included.", func(s sfu.Stats) int64 { return s.BytesOut })
	add(counter, "keyframe_requests_total", "Keyframes asked of publishers.", func(s sfu.Stats) int64 { return s.KeyframeRequests })
	add(counter, "nacks_answered_total", "Packets asked for again and sent.", func(s sfu.Stats) int64 { return s.NacksAnswered })
	add(counter, "nacks_missed_total", "Packets asked for again that were gone.", func(s sfu.Stats) int64 { return s.NacksMissed })
	add(counter, "overflows_total", "Times that forwarding fell behind and dropped packets.", func(s sfu.Stats) int64 { return s.Overflows })
	return c
}

// Describe implements prometheus.Collector.
func (c *mediaCollector) Describe(descriptions chan<- *prometheus.Desc) {
	for _, m := range c.metrics {
		descriptions <- m.describe
	}
}

// Collect implements prometheus.Collector.
func (c *mediaCollector) Collect(metrics chan<- prometheus.Metric) {
	stats := c.engine.Stats()
	for _, m := range c.metrics {
		metrics <- prometheus.MustNewConstMetric(m.describe, m.kind, float64(m.value(stats)))
	}
}
