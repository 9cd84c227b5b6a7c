package transport

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/dtls/v3"

	"streamcat/stun"
)

// audience is many cheap viewers in a process of their own, so that what they cost is not counted. They check, shake hands, answer checks,
// count what comes and decrypt nothing.
type audience struct {
	command     *exec.Cmd
	orders      io.WriteCloser
	reports     *bufio.Scanner
	fingerprint string
}

// seat is what one viewer has to know.
type seat struct {
	Server   netip.AddrPort
	Fragment string
	Password string
}

// report is what the audience says when it is asked. Datagrams are those with media.
type report struct {
	Fingerprint string
	Connected   int
	Failed      int
	Datagrams   int64
}

// audienceVariable makes the test program an audience.
const audienceVariable = "TRANSPORT_TEST_AUDIENCE"

// ours are the credentials of all viewers of an audience.
var ours = Credentials{Fragment: "view", Password: "0123456789012345678901"}

func startAudience(b testing.TB) *audience {
	b.Helper()
	a := &audience{command: exec.Command(os.Args[0], "-test.run=^$")}
	a.command.Env = append(os.Environ(), audienceVariable+"=1")
	a.command.Stderr = os.Stderr
	var err error
	if a.orders, err = a.command.StdinPipe(); err != nil {
		b.Fatal(err)
	}
	out, err := a.command.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	a.reports = bufio.NewScanner(out)
	if err := a.command.Start(); err != nil {
		b.Fatal(err)
	}
	a.fingerprint = a.report(b).Fingerprint
	return a
}

func (a *audience) leave(b testing.TB) {
	if err := errors.Join(a.orders.Close(), a.command.Wait()); err != nil {
		b.Error(err)
	}
}

func (a *audience) report(b testing.TB) (r report) {
	b.Helper()
	if !a.reports.Scan() {
		b.Fatal("the audience is gone")
	}
	if err := json.Unmarshal(a.reports.Bytes(), &r); err != nil {
		b.Fatal(err)
	}
	return r
}

// connect lets viewers connect and waits until all have.
func (a *audience) connect(b testing.TB, seats []seat) {
	b.Helper()
	if err := json.NewEncoder(a.orders).Encode(seats); err != nil {
		b.Fatal(err)
	}
	if r := a.report(b); r.Failed > 0 {
		b.Fatalf("%d of %d viewers do not connect", r.Failed, len(seats))
	}
}

// count asks how many datagrams have come.
func (a *audience) count(b testing.TB) int64 {
	b.Helper()
	if err := json.NewEncoder(a.orders).Encode([]seat{}); err != nil {
		b.Fatal(err)
	}
	return a.report(b).Datagrams
}

// runAudience is the other process. It ends with its input.
func runAudience() error {
	certificate, err := newCertificate()
	if err != nil {
		return err
	}
	reports, orders := json.NewEncoder(os.Stdout), json.NewDecoder(os.Stdin)
	total := report{Fingerprint: fingerprintOf(certificate.Certificate[0])}
	if err := reports.Encode(total); err != nil {
		return err
	}
	var datagrams atomic.Int64
	for {
		var seats []seat
		if err := orders.Decode(&seats); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var connected, failed atomic.Int32
		var all sync.WaitGroup
		limit := make(chan struct{}, 32)
		for _, s := range seats {
			limit <- struct{}{}
			all.Go(func() {
				defer func() { <-limit }()
				if err := watch(s, certificate, &datagrams); err != nil {
					fmt.Fprintln(os.Stderr, err)
					failed.Add(1)
					return
				}
				connected.Add(1)
			})
		}
		all.Wait()
		total.Connected += int(connected.Load())
		total.Failed += int(failed.Load())
		total.Datagrams = datagrams.Load()
		if err := reports.Encode(total); err != nil {
			return err
		}
	}
}

// watch connects one viewer, whose socket is read until the process ends.
func watch(s seat, certificate tls.Certificate, datagrams *atomic.Int64) error {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(s.Server))
	if err != nil {
		return err
	}
	if err := conn.SetReadBuffer(1 << 20); err != nil {
		return err
	}
	v := &viewer{UDPConn: conn, seat: s, checked: make(chan struct{}), records: make(chan []byte, 16), datagrams: datagrams}
	go v.read()
	check := stun.Check{
		RemoteFragment: s.Fragment, LocalFragment: ours.Fragment, RemotePassword: s.Password, Controlling: true, UseCandidate: true, Priority: 1,
	}
	for waiting, tries := true, 0; waiting; tries++ {
		if tries == 20 {
			return errors.New("checks are not answered")
		}
		check.TransactionID = stun.NewTransactionID()
		if _, err := conn.Write(stun.AppendRequest(nil, &check)); err != nil {
			return err
		}
		select {
		case <-v.checked:
			waiting = false
		case <-time.After(250 * time.Millisecond):
		}
	}
	session, err := dtls.ClientWithOptions(v, noAddr{}, dtls.WithCertificates(certificate), dtls.WithInsecureSkipVerify(true),
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM), dtls.WithFlightInterval(200*time.Millisecond), dtls.WithLoggerFactory(silentLoggers{}))
	if err != nil {
		return err
	}
	return session.Handshake()
}

// viewer demultiplexes one socket.
type viewer struct {
	*net.UDPConn
	seat
	once      sync.Once
	checked   chan struct{}
	records   chan []byte
	datagrams *atomic.Int64
}

func (v *viewer) read() {
	buf := make([]byte, maxDatagram)
	var m stun.Message
	for {
		n, err := v.UDPConn.Read(buf)
		if err != nil {
			return
		}
		switch stun.Classify(buf[:n]) {
		case stun.STUN:
			if stun.Parse(buf[:n], &m) != nil {
				continue
			}
			if m.IsRequest() {
				_, _ = v.Write(stun.AppendSuccess(nil, m.TransactionID, v.Server, ours.Password))
			} else if m.IsSuccess() {
				v.once.Do(func() { close(v.checked) })
			}
		case stun.DTLS:
			select {
			case v.records <- append([]byte(nil), buf[:n]...):
			default:
			}
		case stun.RTP:
			v.datagrams.Add(1)
		}
	}
}

func (v *viewer) ReadFrom(b []byte) (int, net.Addr, error) {
	return copy(b, <-v.records), noAddr{}, nil
}

func (v *viewer) WriteTo(b []byte, _ net.Addr) (int, error) { return v.Write(b) }

func (v *viewer) SetReadDeadline(time.Time) error { return nil }
