package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"hash"
	"slices"
)

const (
	// cmTagLen is the length of the authentication tag of AES_CM_128_HMAC_SHA1_80. // RFC 5764 4.1.2
	cmTagLen = 10
	// shortKeystream is up to how many bytes a key stream is made block by block, without allocating: ten blocks cost what the set-up of the
	// standard library's stream costs. An Opus packet is below it, a full video packet would take twice the time.
	shortKeystream = 10 * aes.BlockSize
)

// counterMode is the default transform of RFC 3711: AES in counter mode, and HMAC-SHA1 over what was encrypted. The byte arrays are
// scratch space that would be allocated for each packet otherwise.
type counterMode struct {
	block  cipher.Block
	mac    hash.Hash
	salt   [14]byte
	iv     [aes.BlockSize]byte
	stream [aes.BlockSize]byte
	roc    [4]byte
	sum    [sha1.Size]byte
}

func newCounterMode(keys *sessionKeys) (*counterMode, error) {
	block, err := aes.NewCipher(keys.key[:])
	if err != nil {
		return nil, fmt.Errorf("make AES-128: %w", err)
	}
	return &counterMode{block: block, mac: hmac.New(sha1.New, keys.auth[:]), salt: keys.salt}, nil
}

// setIV forms the counter block that a packet's key stream begins with: SSRC and index masked by the salt, and 16 bits that count
// blocks. // RFC 3711 4.1.1
func (c *counterMode) setIV(ssrc uint32, index uint64) {
	copy(c.iv[:4], c.salt[:4])
	binary.BigEndian.PutUint32(c.iv[4:], binary.BigEndian.Uint32(c.salt[4:])^ssrc)
	binary.BigEndian.PutUint32(c.iv[8:], binary.BigEndian.Uint32(c.salt[8:])^uint32(index>>16))
	binary.BigEndian.PutUint16(c.iv[12:], binary.BigEndian.Uint16(c.salt[12:])^uint16(index))
	c.iv[14], c.iv[15] = 0, 0
}

// xor puts src, xored with the key stream that begins at the counter block, into dst.
func (c *counterMode) xor(dst, src []byte) {
	if len(src) > shortKeystream {
		cipher.NewCTR(c.block, c.iv[:]).XORKeyStream(dst, src)
		return
	}
	for n := uint16(0); len(src) > 0; n++ {
		binary.BigEndian.PutUint16(c.iv[14:], n)
		c.block.Encrypt(c.stream[:], c.iv[:])
		done := subtle.XORBytes(dst, src, c.stream[:])
		dst, src = dst[done:], src[done:]
	}
}

// authenticate returns the tag of a packet, to which a roll-over counter is appended if there is one. // RFC 3711 4.2
func (c *counterMode) authenticate(packet, rollover []byte) []byte {
	c.mac.Reset()
	c.mac.Write(packet)
	c.mac.Write(rollover)
	return c.mac.Sum(c.sum[:0])[:cmTagLen]
}

// sealRTP appends an SRTP packet; the roll-over counter is authenticated and not sent. // RFC 3711 3.1, 4.2
func (c *counterMode) sealRTP(dst, header, payload []byte, ssrc uint32, index uint64) []byte {
	c.setIV(ssrc, index)
	start := len(dst)
	dst = c.encrypt(dst, header, payload)
	binary.BigEndian.PutUint32(c.roc[:], uint32(index>>16))
	return append(dst, c.authenticate(dst[start:], c.roc[:])...)
}

// sealRTCP appends an SRTCP packet; the word with the index precedes the tag and is authenticated. // RFC 3711 3.4
func (c *counterMode) sealRTCP(dst, packet []byte, ssrc, index uint32) []byte {
	c.setIV(ssrc, uint64(index))
	start := len(dst)
	dst = c.encrypt(dst, packet[:rtcpClearLen], packet[rtcpClearLen:])
	dst = binary.BigEndian.AppendUint32(dst, index|encryptedFlag)
	return append(dst, c.authenticate(dst[start:], nil)...)
}

func (c *counterMode) encrypt(dst, clear, secret []byte) []byte {
	dst = slices.Grow(dst, len(clear)+len(secret)+indexLen+cmTagLen)
	dst = append(dst, clear...)
	end := len(dst) + len(secret)
	c.xor(dst[len(dst):end], secret)
	return dst[:end]
}

// splitRTCP finds the word with the encryption flag and the index in an SRTCP packet of sufficient length.
func (c *counterMode) splitRTCP(packet []byte) (word uint32) {
	return binary.BigEndian.Uint32(packet[len(packet)-cmTagLen-indexLen:])
}

func (c *counterMode) overhead() int { return indexLen + cmTagLen }

// openRTCP authenticates and decrypts in place.
func (c *counterMode) openRTCP(packet []byte, ssrc, word uint32) ([]byte, error) {
	authenticated := packet[:len(packet)-cmTagLen]
	if !hmac.Equal(c.authenticate(authenticated, nil), packet[len(authenticated):]) {
		return nil, ErrAuthentication
	}
	plain := authenticated[:len(authenticated)-indexLen]
	if word&encryptedFlag != 0 {
		c.setIV(ssrc, uint64(word&^encryptedFlag))
		c.xor(plain[rtcpClearLen:], plain[rtcpClearLen:])
	}
	return plain, nil
}
