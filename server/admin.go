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
	s.serve(listener, mux)
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
	value    func(sfu.Stats) float64
}
