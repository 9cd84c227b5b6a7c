package peer

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"

	"streamcat/srtp"
)

// PeekLen is how many bytes of a payload Peek can show.
const PeekLen = 3 * aes.BlockSize

// ErrForged says that a packet was not protected with the keys of the connection.
var ErrForged = errors.New("packet not authentic")

// opener reads RTP that was protected under one master key. The leaf srtp has no such thing, because a server has no use for it.
type opener struct {
	profile srtp.Profile
	block   cipher.Block
	salt    [14]byte
	aead    cipher.AEAD // AES-GCM
	mac     hash.Hash   // AES-CM
	scratch []byte
	counter [aes.BlockSize]byte
	stream  [aes.BlockSize]byte
}

func newOpener(p srtp.Profile, master *srtp.MasterKey) (*opener, error) {
	o := &opener{profile: p}
	saltLen := 12
	if p == srtp.AES128CMHMACSHA180 {
		saltLen = 14
	}
	// RFC 3711 4.3.1: labels 0, 1 and 2 are for the key, the authentication and the salt of RTP.
	var key [16]byte
	var auth [20]byte
	for label, out := range [][]byte{key[:], auth[:], o.salt[:saltLen]} {
		if err := derive(out, master, byte(label)); err != nil {
			return nil, err
		}
	}
	var err error
	if o.block, err = aes.NewCipher(key[:]); err != nil {
		return nil, fmt.Errorf("make AES-128: %w", err)
	}
	if p == srtp.AES128CMHMACSHA180 {
		o.mac = hmac.New(sha1.New, auth[:])
	} else if o.aead, err = cipher.NewGCM(o.block); err != nil {
		return nil, fmt.Errorf("make AES-128-GCM: %w", err)
	}
	return o, nil
}

// derive is the pseudo-random function of RFC 3711 4.3.3.
func derive(out []byte, master *srtp.MasterKey, label byte) error {
	block, err := aes.NewCipher(master.Key[:])
	if err != nil {
		return fmt.Errorf("derive session key: %w", err)
	}
	var counter, stream [aes.BlockSize]byte
	copy(counter[:], master.Salt[:])
	counter[7] ^= label
	for n := uint16(0); len(out) > 0; n++ {
		binary.BigEndian.PutUint16(counter[14:], n)
		block.Encrypt(stream[:], counter[:])
		out = out[copy(out, stream[:]):]
	}
	return nil
}

// peek decrypts the beginning of a payload into dst, and returns how much of it there was.
func (o *opener) peek(dst *[PeekLen]byte, payload []byte, ssrc uint32, index uint64) int {
	first := uint32(0)
	if o.aead != nil {
		o.nonce(ssrc, index)
		first = 2 // RFC 5116 5.1: counter 1 makes the tag
	} else {
		// IV = salt * 2^16 XOR ssrc * 2^64 XOR index * 2^16 // RFC 3711 4.1.1
		copy(o.counter[:14], o.salt[:])
		binary.BigEndian.PutUint32(o.counter[4:], binary.BigEndian.Uint32(o.counter[4:])^ssrc)
		binary.BigEndian.PutUint32(o.counter[8:], binary.BigEndian.Uint32(o.counter[8:])^uint32(index>>16))
		binary.BigEndian.PutUint16(o.counter[12:], binary.BigEndian.Uint16(o.counter[12:])^uint16(index))
		o.counter[14], o.counter[15] = 0, 0
	}
	n := min(len(payload), PeekLen)
	for at, block := 0, first; at < n; at, block = at+aes.BlockSize, block+1 {
		if o.aead != nil {
			binary.BigEndian.PutUint32(o.counter[12:], block)
		} else {
			binary.BigEndian.PutUint16(o.counter[14:], uint16(block))
		}
		o.block.Encrypt(o.stream[:], o.counter[:])
		for i := at; i < min(n, at+aes.BlockSize); i++ {
			dst[i] = payload[i] ^ o.stream[i-at]
		}
	}
	return n
}

// nonce forms that of a packet in the first 12 bytes of the counter. // RFC 7714 8.1
func (o *opener) nonce(ssrc uint32, index uint64) {
	copy(o.counter[:12], o.salt[:12])
	binary.BigEndian.PutUint32(o.counter[2:], binary.BigEndian.Uint32(o.counter[2:])^ssrc)
	binary.BigEndian.PutUint32(o.counter[6:], binary.BigEndian.Uint32(o.counter[6:])^uint32(index>>16))
	binary.BigEndian.PutUint16(o.counter[10:], binary.BigEndian.Uint16(o.counter[10:])^uint16(index))
}

// open authenticates a whole packet whose header has a length.
func (o *opener) open(packet []byte, header int, ssrc uint32, index uint64) error {
	if o.aead != nil {
		o.nonce(ssrc, index)
		plain, err := o.aead.Open(o.scratch[:0], o.counter[:12], packet[header:], packet[:header])
		if err != nil {
			return ErrForged
		}
		o.scratch = plain
		return nil
	}
	end := len(packet) - o.profile.Overhead()
	if end < header {
		return ErrForged
	}
	o.mac.Reset()
	o.mac.Write(packet[:end])
	o.scratch = binary.BigEndian.AppendUint32(o.scratch[:0], uint32(index>>16)) // RFC 3711 4.2
	o.mac.Write(o.scratch)
	if sum := o.mac.Sum(o.scratch[:0]); !hmac.Equal(sum[:o.profile.Overhead()], packet[end:]) {
		return ErrForged
	}
	return nil
}
