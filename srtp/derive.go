package srtp

import (
	"crypto/aes"
	"encoding/binary"
	"fmt"
)

// label tells what a session key is for. // RFC 3711 4.3.2
type label byte

const (
	labelRTPEncryption   label = 0
	labelRTPAuth         label = 1
	labelRTPSalt         label = 2
	labelRTCPEncryption  label = 3
	labelRTCPAuth        label = 4
	labelRTCPSalt        label = 5
	authKeyLen                 = 20 // RFC 3711 8.2
	deriveEncryptionAuth       = labelRTPAuth - labelRTPEncryption
	deriveEncryptionSalt       = labelRTPSalt - labelRTPEncryption
)

// sessionKeys protect either RTP or RTCP of one direction.
type sessionKeys struct {
	key  [keyLen]byte
	auth [authKeyLen]byte // AES-CM only
	salt [14]byte         // the first 12 for AES-GCM
}

// deriveSession derives the keys of RTP, or of RTCP, which encryption names the first label of. The key derivation rate is zero, as
// DTLS-SRTP has it, so they hold for as long as the master key. // RFC 3711 4.3.1, RFC 7714 11
func deriveSession(p Profile, master *MasterKey, encryption label) (sessionKeys, error) {
	var keys sessionKeys
	if p.saltLen() == 0 {
		return keys, fmt.Errorf("derive session keys for %v: %w", p, ErrProfile)
	}
	var salt [14]byte // a salt of 96 bits is padded with zeros on the right
	copy(salt[:], master.Salt[:p.saltLen()])
	if err := derive(keys.key[:], &master.Key, &salt, encryption); err != nil {
		return keys, err
	}
	if err := derive(keys.salt[:p.saltLen()], &master.Key, &salt, encryption+deriveEncryptionSalt); err != nil {
		return keys, err
	}
	if p == AES128CMHMACSHA180 {
		if err := derive(keys.auth[:], &master.Key, &salt, encryption+deriveEncryptionAuth); err != nil {
			return keys, err
		}
	}
	return keys, nil
}

// derive fills out with the AES-CM pseudo-random function: the key stream of the master key that begins at the salt, with the label put
// in above the 48 bits of the packet index. // RFC 3711 4.3.3
func derive(out []byte, key *[keyLen]byte, salt *[14]byte, l label) error {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return fmt.Errorf("derive SRTP session key: %w", err)
	}
	var counter, stream [aes.BlockSize]byte
	copy(counter[:], salt[:])
	counter[7] ^= byte(l)
	for n := uint16(0); len(out) > 0; n++ {
		binary.BigEndian.PutUint16(counter[14:], n)
		block.Encrypt(stream[:], counter[:])
		out = out[copy(out, stream[:]):]
	}
	return nil
}
