package peer

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/pion/dtls/v3"

	"streamcat/srtp"
	"streamcat/stun"
)

const (
	// checkEvery is how long an answer to a check is waited for before it is sent again; there is one pair, or a few. // RFC 8445 14.3
	checkEvery = 50 * time.Millisecond
	// flightEvery is how long an answer to a flight of the handshake is waited for at first; browsers begin with 50 ms.
	flightEvery = 50 * time.Millisecond
)

// Signal takes an offer to the server and returns its answer. It calls sending right before each request.
type Signal func(ctx context.Context, offer string, sending func()) (answer string, err error)

// Dial makes a connection. When it is done, the loop of the connection calls serve for the handler, and then the handler with what has
// come already.
func (p *Pool) Dial(ctx context.Context, offer Offer, signal Signal, serve func(*Conn) Handler) (*Conn, error) {
	l := p.loops[int(p.next.Add(1)-1)%len(p.loops)]
	c := &Conn{loop: l, fragment: rand.Text()[:8], checks: make(chan checked, 16)}
	var tie [8]byte
	rand.Read(tie[:])
	c.responder = stun.Responder{Password: rand.Text(), Controlling: true, TieBreaker: binary.BigEndian.Uint64(tie[:])}
	c.handshake = newHandshakePipe(c)
	if err := c.socket.open(p.options.Local); err != nil {
		return nil, err
	}
	err := ErrClosed
	l.Call(func() {
		l.add(c)
		err = l.watch(c)
	})
	if err == nil {
		err = c.dial(ctx, offer, signal, serve)
	}
	if err != nil {
		c.Close()
		c.socket.close()
		return nil, err
	}
	return c, nil
}

func (c *Conn) dial(ctx context.Context, offer Offer, signal Signal, serve func(*Conn) Handler) error {
	local := c.socket.local()
	candidate := fmt.Sprintf("1 1 udp 2130706431 %s %d typ host", local.Addr(), local.Port())
	text := offer.render(c.fragment, c.responder.Password, c.loop.pool.fingerprint, candidate)
	reply, err := signal(ctx, text, func() { c.timing.Offered = time.Now() })
	if err != nil {
		return err
	}
	c.timing.Answered = time.Now()
	answer, err := readAnswer(reply, offer.Sections)
	if err != nil {
		return err
	}
	remote, err := c.pair(ctx, answer)
	if err != nil {
		return fmt.Errorf("check connectivity: %w", err)
	}
	c.timing.Checked = time.Now()
	if err := c.socket.connect(remote); err != nil {
		return fmt.Errorf("connect socket: %w", err)
	}
	c.loop.Call(func() { c.remote, c.socket.connected = remote, true })
	if err := c.protect(ctx); err != nil {
		return fmt.Errorf("DTLS handshake: %w", err)
	}
	err = ErrClosed
	c.loop.Call(func() {
		c.live(serve(c))
		err = nil
	})
	return err
}

// pair finds an address of the server that answers. // RFC 8445 7, 8.1.1
func (c *Conn) pair(ctx context.Context, answer *Answer) (netip.AddrPort, error) {
	c.loop.Call(func() { c.answer = answer })
	usable := slices.DeleteFunc(slices.Clone(answer.candidates), func(a netip.AddrPort) bool { return a.Addr().Is4() != c.socket.local().Addr().Is4() })
	if len(usable) == 0 {
		return netip.AddrPort{}, fmt.Errorf("the server has addresses of the other version of IP only: %w", ErrAnswer)
	}
	ids := make([]stun.TransactionID, len(usable))
	for i := range ids {
		ids[i] = stun.NewTransactionID()
	}
	// With one address to choose from, the first check chooses it; with several, the first that answers is chosen by a second check.
	nominating := len(usable) == 1
	resend := time.NewTicker(checkEvery)
	defer resend.Stop()
	var packet []byte
	for {
		for i, to := range usable {
			packet = c.request(packet[:0], ids[i], nominating)
			c.socket.sendTo(packet, to)
		}
		for waiting := true; waiting; {
			select {
			case got := <-c.checks:
				i := slices.Index(ids, got.id)
				switch {
				case i < 0:
				case nominating:
					return usable[i], nil
				default:
					usable, ids = usable[i:i+1], []stun.TransactionID{stun.NewTransactionID()}
					nominating, waiting = true, false
				}
			case <-resend.C:
				waiting = false
			case <-ctx.Done():
				return netip.AddrPort{}, fmt.Errorf("no answer from %v: %w", usable, ctx.Err())
			}
		}
	}
}

// protect makes the keys. The DTLS connection is only there for the handshake.
func (c *Conn) protect(ctx context.Context) error {
	conn, err := dtls.ClientWithOptions(c.handshake, c,
		dtls.WithCertificates(c.loop.pool.certificate),
		dtls.WithInsecureSkipVerify(true), // the certificate is compared with the fingerprint
		dtls.WithVerifyPeerCertificate(func(raw [][]byte, _ [][]*x509.Certificate) error { return c.answer.verify(raw) }),
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithFlightInterval(flightEvery),
	)
	if err != nil {
		return errors.Join(err, c.handshake.Close())
	}
	// Ending it would tell the server that the connection is over, so nobody hears of it.
	defer func() {
		c.handshake.mute()
		_ = conn.Close() // closes the pipe too
		_ = c.handshake.Close()
	}()
	if err := conn.HandshakeContext(ctx); err != nil {
		return err
	}
	c.timing.Connected = time.Now()
	chosen, ok := conn.SelectedSRTPProtectionProfile()
	state, stated := conn.ConnectionState()
	if !ok || !stated {
		return errors.New("no SRTP protection profile was agreed")
	}
	profile := srtp.Profile(chosen)
	material, err := state.ExportKeyingMaterial(srtp.ExporterLabel, nil, profile.MaterialLen())
	if err != nil {
		return fmt.Errorf("export keys: %w", err)
	}
	own, theirs, err := profile.Split(material)
	if err != nil {
		return err
	}
	sender, err := srtp.NewSender(profile, own)
	if err != nil {
		return err
	}
	receiver, err := srtp.NewReceiver(profile, theirs)
	if err != nil {
		return err
	}
	opener, err := newOpener(profile, &theirs)
	if err != nil {
		return err
	}
	c.loop.Call(func() { c.sender, c.receiver, c.opener = sender, receiver, opener })
	return nil
}

// verify compares the certificate of the server with the fingerprint in its answer. // RFC 8122 6.2
func (a *Answer) verify(raw [][]byte) error {
	if len(raw) == 0 {
		return errors.New("the server shows no certificate")
	}
	var digest []byte
	switch a.hash {
	case "sha-256":
		sum := sha256.Sum256(raw[0])
		digest = sum[:]
	case "sha-384":
		sum := sha512.Sum384(raw[0])
		digest = sum[:]
	case "sha-512":
		sum := sha512.Sum512(raw[0])
		digest = sum[:]
	default:
		return fmt.Errorf("fingerprints with %q are not known", a.hash)
	}
	if !bytes.Equal(digest, a.fingerprint) {
		return errors.New("the certificate of the server is not the one in its answer")
	}
	return nil
}
