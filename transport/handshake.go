package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/logging"

	"streamcat/srtp"
)

// Content types of DTLS records, and the handshake message that begins it all. // RFC 6347 4.1, RFC 5246 6.2.1 and 7.4
const (
	recordChangeCipherSpec = 20
	recordAlert            = 21
	recordHandshake        = 22
	recordHeaderLen        = 13
	messageClientHello     = 1
)

// maxRepeats bounds how often the last flight is repeated: a client that has not got it after so many never will.
const maxRepeats = 32

// handshakeOptions are what all handshakes have in common.
func handshakeOptions(certificate tls.Certificate, retransmission time.Duration) []dtls.ServerOption {
	return []dtls.ServerOption{
		dtls.WithCertificates(certificate),
		dtls.WithCipherSuites(dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384), // RFC 8827 6.5
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80),
		dtls.WithClientAuth(dtls.RequireAnyClientCert),
		dtls.WithInsecureSkipVerifyHello(true), // ICE has shown already that the client receives
		dtls.WithFlightInterval(retransmission),
		dtls.WithLoggerFactory(silentLoggers{}),
	}
}

// receiveDTLS takes a DTLS datagram from an address that checks came from.
func (p *Peer) receiveDTLS(s *socket, datagram []byte, from netip.AddrPort) {
	if len(datagram) <= recordHeaderLen {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.ended:
	case p.shaken:
		p.receiveLate(s, datagram, from)
	case p.inbox != nil:
		p.inbox.put(datagram, from)
	case datagram[0] == recordHandshake && datagram[recordHeaderLen] == messageClientHello:
		p.inbox = newInbox(p)
		p.inbox.put(datagram, from)
		if p.t.admission.enter(p) {
			p.t.shaking.Go(p.shake)
		}
	}
}

// receiveLate takes what comes after the handshake: repetitions by a client that has not got the last flight, and goodbyes.
func (p *Peer) receiveLate(s *socket, datagram []byte, from netip.AddrPort) {
	switch datagram[0] {
	case recordHandshake, recordChangeCipherSpec:
		if p.flight != nil && p.repeats < maxRepeats {
			p.repeats++
			s.send(from, p.flight)
		}
	case recordAlert:
		// It is sealed with a key that was thrown away. Whether it is what it looks like, the client's silence will tell.
		p.alert.CompareAndSwap(0, max(p.t.now(), 1))
	}
}

// shake does the handshake of a Peer, and then those of others whose turn it is.
func (p *Peer) shake() {
	for p != nil {
		if err := p.handshake(); err != nil {
			p.end(fmt.Errorf("DTLS handshake: %w", err))
		}
		p = p.t.admission.leave()
	}
}

// handshake does the DTLS handshake and keeps of it what is needed.
func (p *Peer) handshake() error {
	p.mu.Lock()
	in := p.inbox
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), p.t.config.Handshake)
	defer cancel()
	options := append(p.t.handshakes[:len(p.t.handshakes):len(p.t.handshakes)], dtls.WithVerifyPeerCertificate(p.verify))
	conn, err := dtls.ServerWithOptions(in, noAddr{}, options...)
	if err != nil {
		return err
	}
	err = conn.HandshakeContext(ctx)
	var k keys
	if err == nil {
		k, err = exportKeys(conn)
	}
	in.finish(err == nil)
	// Close seals a goodbye, which the inbox keeps, and ends pion's goroutines.
	if closeErr := conn.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	p.connect(&k, in)
	return nil
}

func (p *Peer) verify(certificates [][]byte, _ [][]*x509.Certificate) error {
	return p.fingerprint.verify(certificates)
}

// keys are what a handshake is for.
type keys struct {
	profile  srtp.Profile
	sender   *srtp.Sender
	receiver *srtp.Receiver
}

func exportKeys(conn *dtls.Conn) (keys, error) {
	selected, ok := conn.SelectedSRTPProtectionProfile()
	if !ok {
		return keys{}, srtp.ErrProfile
	}
	k := keys{profile: srtp.Profile(selected)}
	state, ok := conn.ConnectionState()
	if !ok {
		return keys{}, ErrNotConnected
	}
	material, err := state.ExportKeyingMaterial(srtp.ExporterLabel, nil, k.profile.MaterialLen())
	if err != nil {
		return keys{}, err
	}
	client, server, err := k.profile.Split(material)
	if err != nil {
		return keys{}, err
	}
	if k.sender, err = srtp.NewSender(k.profile, server); err != nil {
		return keys{}, err
	}
	k.receiver, err = srtp.NewReceiver(k.profile, client)
	return k, err
}

// connect begins with what the handshake has brought.
func (p *Peer) connect(k *keys, in *inbox) {
	now := p.t.now()
	p.mu.Lock()
	if p.ended {
		p.mu.Unlock()
		return
	}
	p.inbox = nil
	p.shaken = true
	p.profile, p.sender = k.profile, k.sender
	p.flight, p.farewell = in.flight, in.farewell
	p.heard.Store(now)
	if path := p.find(in.last); path != nil {
		path.proven = true // it got what the client could not have finished the handshake without
		path.heard = now
		if p.current == nil || !p.current.proven {
			p.current = path
		}
	}
	p.reroute()
	p.choose(now)
	p.mu.Unlock()
	if p.callbacks.Connected != nil {
		p.callbacks.Connected(k.profile)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.receiver = k.receiver // no Feedback before Connected
	}
}

// receiveRTCP opens an SRTCP packet and hands it over.
func (p *Peer) receiveRTCP(s *socket, datagram []byte, from netip.AddrPort, now int64) {
	p.mu.Lock()
	if p.receiver == nil {
		p.mu.Unlock()
		return
	}
	plain, err := p.receiver.OpenRTCP(datagram)
	if err != nil {
		p.mu.Unlock()
		return
	}
	p.heard.Store(now)
	if path := p.find(from); path != nil {
		path.heard = now
	}
	p.flight = nil // the client could not have protected this without it
	p.mu.Unlock()
	if p.callbacks.Feedback != nil {
		p.callbacks.Feedback(s.batch, plain)
	}
}

// silentLoggers keep pion quiet: what it calls an error is the other side's doing, and the cause that a Peer ends with says it.
type silentLoggers struct{}

func (silentLoggers) NewLogger(string) logging.LeveledLogger { return silentLogger{} }

type silentLogger struct{}

func (silentLogger) Trace(string)          {}
func (silentLogger) Tracef(string, ...any) {}
func (silentLogger) Debug(string)          {}
func (silentLogger) Debugf(string, ...any) {}
func (silentLogger) Info(string)           {}
func (silentLogger) Infof(string, ...any)  {}
func (silentLogger) Warn(string)           {}
func (silentLogger) Warnf(string, ...any)  {}
func (silentLogger) Error(string)          {}
func (silentLogger) Errorf(string, ...any) {}
