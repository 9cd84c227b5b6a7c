package transport

import (
	"net/netip"
	"testing"

	"streamcat/srtp"
	"streamcat/stun"
)

// FuzzReceive throws datagrams at the door, from an address that is a peer's and from one that is nobody's, and looks at what a peer
// that is connected, and one that is not, made of it.
func FuzzReceive(f *testing.F) {
	tr, err := Listen(Config{Address: "127.0.0.1:0", Shards: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := tr.Close(); err != nil {
			f.Error(err)
		}
	})
	known, unknown := netip.MustParseAddrPort("127.0.0.1:9"), netip.MustParseAddrPort("127.0.0.2:9")
	remote := Credentials{"abcd", "0123456789012345678901"}
	door := newSocket(tr, tr.locals[0], 0, tr.locals[0].conns[0])
	door.batch = tr.newBatch(0, 1, 1<<16)
	newPeer := func(t testing.TB) *Peer {
		p, err := tr.NewPeer(PeerConfig{Remote: remote, Fingerprint: tr.Fingerprint()})
		if err != nil {
			t.Fatal(err)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.choose(p.enter(door, known, tr.now()).heard)
		return p
	}
	for _, seed := range [][]byte{
		nil, {0}, {20}, {128, 200}, make([]byte, 2000),
		append([]byte{recordHandshake, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, messageClientHello}, make([]byte, 19)...),
		append([]byte{recordAlert, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 26}, make([]byte, 26)...),
		stun.AppendRequest(nil, &stun.Check{RemoteFragment: "frag", LocalFragment: "abcd", RemotePassword: remote.Password, Controlling: true}),
		stun.AppendSuccess(nil, stun.NewTransactionID(), known, remote.Password),
		stun.AppendError(nil, stun.NewTransactionID(), stun.RoleConflict, remote.Password),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, datagram []byte) {
		if len(datagram) > maxDatagram {
			return
		}
		for _, connected := range []bool{false, true} {
			p := newPeer(t)
			if connected {
				receiver, err := srtp.NewReceiver(srtp.AEADAES128GCM, srtp.MasterKey{})
				if err != nil {
					t.Fatal(err)
				}
				p.mu.Lock()
				p.shaken, p.receiver, p.flight = true, receiver, []byte{recordChangeCipherSpec}
				p.callbacks.Feedback = func(*Batch, []byte) { t.Error("what nobody has sealed was handed over") }
				p.mu.Unlock()
			}
			heard := p.heard.Load()
			for _, from := range []netip.AddrPort{known, unknown} {
				door.receive(append([]byte(nil), datagram...), from, tr.now()+1000)
			}
			if p.heard.Load() != heard {
				t.Error("a datagram that is not authentic counts as a sign of life")
			}
			if door.peer(known) != p || door.peer(unknown) != nil {
				t.Error("a datagram that is not authentic has changed whose an address is")
			}
			p.Close()
		}
		for len(tr.locals[0].publishers.queue) > 0 {
			a := <-tr.locals[0].publishers.queue
			tr.locals[0].publishers.buffers.Put(a.buffer)
		}
	})
}
