package bus

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const (
	// maxNotice bounds one message, in bytes. It is what NATS allows unless told otherwise; a snapshot of twelve publishers with
	// the largest attributes has about 20 KB.
	maxNotice = 1 << 20

	connectTimeout = 5 * time.Second
	flushTimeout   = 5 * time.Second
	reconnectWait  = 250 * time.Millisecond
)

// Config says which bus to use.
type Config struct {
	URL string // "nats://…" of a server that several nodes share; "" means one inside this process
	Log *slog.Logger
}

// Bus is a connection to NATS.
type Bus struct {
	log      *slog.Logger
	embedded *server.Server // nil when the server is elsewhere
	conn     *nats.Conn
	callers  sync.WaitGroup // the goroutines of subscriptions

	mu     sync.Mutex
	closed bool
}

// errClosed is the answer after Close.
var errClosed = errors.New("the bus is closed")

// Open connects to the bus, and starts it first when it is to be inside this process.
func Open(config Config) (*Bus, error) {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	b := &Bus{log: config.Log}
	options := []nats.Option{
		nats.Name("streamcat"),
		nats.Timeout(connectTimeout),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			subject := ""
			if sub != nil {
				subject = sub.Subject
			}
			b.log.Error("the bus has a problem", "subject", subject, "error", err)
		}),
	}
	if config.URL == "" {
		var err error
		if b.embedded, err = startServer(config.Log); err != nil {
			return nil, err
		}
		options = append(options, nats.InProcessServer(b.embedded))
	} else {
		options = append(options,
			nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { b.log.Warn("the bus is out of reach", "error", err) }),
			nats.ReconnectHandler(func(*nats.Conn) { b.log.Info("the bus is back") }),
		)
	}
	conn, err := nats.Connect(config.URL, options...)
	if err != nil {
		b.stopServer()
		return nil, fmt.Errorf("connect to the bus at %s: %w", redacted(config.URL), err)
	}
	b.conn = conn
	return b, nil
}

// redacted is a URL without its password.
func redacted(address string) string {
	if address == "" {
		return "this process"
	}
	u, err := url.Parse(address)
	if err != nil {
		return "a malformed URL"
	}
	return u.Redacted()
}

// Close sends what was published, ends all subscriptions and waits for their callbacks. Closing twice is fine.
func (b *Bus) Close() error {
	b.mu.Lock()
	closed := b.closed
	b.closed = true
	b.mu.Unlock()
	if closed {
		return nil
	}
	var err error
	// While the server is out of reach there is nobody to wait for.
	if b.conn.IsConnected() {
		if err = b.conn.FlushTimeout(flushTimeout); err != nil {
			err = fmt.Errorf("close the bus: %w", err)
		}
	}
	b.conn.Close()
	b.callers.Wait()
	b.stopServer()
	return err
}

// startServer starts a NATS server that only this process can reach.
func startServer(log *slog.Logger) (*server.Server, error) {
	s, err := server.NewServer(&server.Options{
		ServerName: "streamcat",
		DontListen: true,
		NoSigs:     true, // signals belong to the program
		MaxPayload: maxNotice,
	})
	if err != nil {
		return nil, fmt.Errorf("start the bus: %w", err)
	}
	s.SetLoggerV2(serverLog{log}, false, false, false)
	s.Start()
	if !s.ReadyForConnections(connectTimeout) {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, fmt.Errorf("start the bus: not ready after %v", connectTimeout)
	}
	return s, nil
}

func (b *Bus) stopServer() {
	if b.embedded != nil {
		b.embedded.Shutdown()
		b.embedded.WaitForShutdown()
	}
}

// serverLog gives what the embedded server has to say to slog.
type serverLog struct{ log *slog.Logger }

func (l serverLog) Noticef(format string, v ...any) { l.log.Debug("bus: " + fmt.Sprintf(format, v...)) }
func (l serverLog) Warnf(format string, v ...any)   { l.log.Warn("bus: " + fmt.Sprintf(format, v...)) }
func (l serverLog) Fatalf(format string, v ...any)  { l.log.Error("bus: " + fmt.Sprintf(format, v...)) }
func (l serverLog) Errorf(format string, v ...any)  { l.log.Error("bus: " + fmt.Sprintf(format, v...)) }
func (l serverLog) Debugf(format string, v ...any)  { l.log.Debug("bus: " + fmt.Sprintf(format, v...)) }
func (l serverLog) Tracef(format string, v ...any)  { l.log.Debug("bus: " + fmt.Sprintf(format, v...)) }
