package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
)

// gcmTagLen is the length of the authentication tag of AEAD_AES_128_GCM. // RFC 7714 13.1
const gcmTagLen = 16

// gcm is the transform of RFC 7714. The byte arrays are scratch space: what is handed to an AEAD through its interface would be allocated
// for each packet otherwise.
type gcm struct {
	aead  cipher.AEAD
	salt  [12]byte
	nonce [12]byte
	aad   [rtcpClearLen + indexLen]byte
	tag   [gcmTagLen]byte
}

func newGCM(keys *sessionKeys) (*gcm, error) {
	block, err := aes.NewCipher(keys.key[:])
	if err != nil {
		return nil, fmt.Errorf("make AES-128: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("make AES-128-GCM: %w", err)
	}
	g := &gcm{aead: aead}
	copy(g.salt[:], keys.salt[:])
	return g, nil
}

// setNonce forms the nonce of two zero bytes, the SSRC and 48 bits of index, all of it masked by the salt. For RTP these are the roll-over
// counter and the sequence number, for RTCP two more zero bytes and the SRTCP index. // RFC 7714 8.1, 9.1
func (g *gcm) setNonce(ssrc uint32, index uint64) {
	g.nonce[0], g.nonce[1] = g.salt[0], g.salt[1]
	binary.BigEndian.PutUint32(g.nonce[2:], binary.BigEndian.Uint32(g.salt[2:])^ssrc)
	binary.BigEndian.PutUint32(g.nonce[6:], binary.BigEndian.Uint32(g.salt[6:])^uint32(index>>16))
	binary.BigEndian.PutUint16(g.nonce[10:], binary.BigEndian.Uint16(g.salt[10:])^uint16(index))
}

// sealRTP appends an SRTP packet whose associated data is the whole header. // RFC 7714 8.2
func (g *gcm) sealRTP(dst, header, payload []byte, ssrc uint32, index uint64) []byte {
	g.setNonce(ssrc, index)
	start := len(dst)
	dst = append(dst, header...)
	return g.aead.Seal(dst, g.nonce[:], payload, dst[start:])
}

// sealRTCP appends an SRTCP packet. Associated data are the first eight bytes of the compound packet and the word with the index, which
// comes last on the wire. // RFC 7714 9.2
func (g *gcm) sealRTCP(dst, packet []byte, ssrc, index uint32) []byte {
	g.setNonce(ssrc, uint64(index))
	copy(g.aad[:], packet[:rtcpClearLen])
	word := index | encryptedFlag
	binary.BigEndian.PutUint32(g.aad[rtcpClearLen:], word)
	dst = append(dst, packet[:rtcpClearLen]...)
	dst = g.aead.Seal(dst, g.nonce[:], packet[rtcpClearLen:], g.aad[:])
	return binary.BigEndian.AppendUint32(dst, word)
}

// splitRTCP finds the word with the encryption flag and the index in an SRTCP packet of sufficient length.
func (g *gcm) splitRTCP(packet []byte) (word uint32) {
	return binary.BigEndian.Uint32(packet[len(packet)-indexLen:])
}

func (g *gcm) overhead() int { return gcmTagLen + indexLen }

// openRTCP authenticates and decrypts in place. A packet whose encryption flag is clear is wholly associated data. // RFC 7714 9.3
func (g *gcm) openRTCP(packet []byte, ssrc, word uint32) ([]byte, error) {
	g.setNonce(ssrc, uint64(word&^encryptedFlag))
	sealed := packet[:len(packet)-indexLen]
	if word&encryptedFlag != 0 {
		copy(g.aad[:], packet[:rtcpClearLen])
		binary.BigEndian.PutUint32(g.aad[rtcpClearLen:], word)
		plain, err := g.aead.Open(sealed[:rtcpClearLen], g.nonce[:], sealed[rtcpClearLen:], g.aad[:])
		if err != nil {
			return nil, ErrAuthentication
		}
		return plain, nil
	}
	body := sealed[:len(sealed)-gcmTagLen]
	copy(g.tag[:], sealed[len(body):])
	aad := binary.BigEndian.AppendUint32(body, word) // over the tag, which has been taken away
	if _, err := g.aead.Open(g.tag[:0], g.nonce[:], g.tag[:], aad); err != nil {
		return nil, ErrAuthentication
	}
	return body, nil
}
