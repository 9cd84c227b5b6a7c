package srtp

import (
	"bytes"
	"crypto/aes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestKeyDerivation is RFC 3711 B.3.
func TestKeyDerivation(t *testing.T) {
	var master MasterKey
	copy(master.Key[:], unhex(t, "E1F97A0D3E018BE0D64FA32C06DE4139"))
	copy(master.Salt[:], unhex(t, "0EC675AD498AFEEBB6960B3AABE6"))
	keys, err := deriveSession(AES128CMHMACSHA180, &master, labelRTPEncryption)
	if err != nil {
		t.Fatal(err)
	}
	for name, pair := range map[string][2][]byte{
		"cipher key":  {keys.key[:], unhex(t, "C61E7A93744F39EE10734AFE3FF7A087")},
		"cipher salt": {keys.salt[:], unhex(t, "30CBBC08863D8C85D49DB34A9AE1")},
		"auth key":    {keys.auth[:], unhex(t, "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4")},
	} {
		if !bytes.Equal(pair[0], pair[1]) {
			t.Errorf("%s is %x, want %x", name, pair[0], pair[1])
		}
	}
	// The RFC prints 94 bytes of authentication key, of which the profile uses 20: the whole row checks the block counter.
	long := make([]byte, 94)
	if err := derive(long, &master.Key, &master.Salt, labelRTPAuth); err != nil {
		t.Fatal(err)
	}
	want := unhex(t, `CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA48F0A0ACF3C34E2359E6CDBCE
		E049646C43D9327AD175578EF7227098 6371C10C9A369AC2F94A8C5FBCDDDC25 6D6E919A48B610EF17C2041E47403576 6B68642C59BBFC2F34DB60DBDFB2`)
	if !bytes.Equal(long, want) {
		t.Errorf("auth key is %x, want %x", long, want)
	}
}

// TestKeystream is RFC 3711 B.2, by both ways of making it.
func TestKeystream(t *testing.T) {
	var keys sessionKeys
	copy(keys.key[:], unhex(t, "2B7E151628AED2A6ABF7158809CF4F3C"))
	copy(keys.salt[:], unhex(t, "F0F1F2F3F4F5F6F7F8F9FAFBFCFD"))
	for _, blocks := range []int{3, 0xFF02} { // block by block, and with the stream of the standard library
		c, err := newCounterMode(&keys)
		if err != nil {
			t.Fatal(err)
		}
		stream := make([]byte, blocks*aes.BlockSize)
		c.setIV(0, 0)
		c.xor(stream, stream)
		want := unhex(t, "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0")
		if !bytes.HasPrefix(stream, want) {
			t.Errorf("key stream of %d blocks begins with %x, want %x", blocks, stream[:len(want)], want)
		}
		if blocks == 3 {
			continue
		}
		want = unhex(t, "EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE 6A2CC3787889374FBEB4C81B17BA6C44")
		if got := stream[0xFEFF*aes.BlockSize:]; !bytes.Equal(got, want) {
			t.Errorf("key stream at block 0xFEFF is %x, want %x", got, want)
		}
	}
}

// rfc7714 has the session keys of RFC 7714 16 and 17.
func rfc7714(t testing.TB) *gcm {
	t.Helper()
	var keys sessionKeys
	copy(keys.key[:], unhex(t, "000102030405060708090a0b0c0d0e0f"))
	copy(keys.salt[:], unhex(t, "517569642070726f2071756f"))
	g, err := newGCM(&keys)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestRFC7714RTP is RFC 7714 16.1.1.
func TestRFC7714RTP(t *testing.T) {
	header := unhex(t, "8040f17b 8041f8d3 5501a0b2")
	payload := []byte("Gallia est omnis divisa in partes tres")
	want := unhex(t, `8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a
		51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce`)
	s := Sender{rtp: rfc7714(t)}
	got, err := s.SealRTP([]byte("before"), header, payload, 0xf17b)
	if err != nil {
		t.Fatal(err)
	}
	if want = append([]byte("before"), want...); !bytes.Equal(got, want) {
		t.Errorf("sealed %x, want %x", got, want)
	}
}

// TestRFC7714RTCP is RFC 7714 17.1 and, authenticated only, 17.3.
func TestRFC7714RTCP(t *testing.T) {
	plain := unhex(t, `81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
		deadbeef deadbeef deadbeef deadbeef deadbeef`)
	encrypted := unhex(t, `81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d
		c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4`)
	authenticated := unhex(t, hex.EncodeToString(plain)+"841dd968 3dd78ec9 2ae58790 125f62b3 000005d4")

	s := Sender{rtcp: rfc7714(t), next: 0x5d4}
	sealed, err := s.SealRTCP(nil, plain)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(sealed, encrypted) {
		t.Errorf("sealed %x, want %x", sealed, encrypted)
	}
	for name, packet := range map[string][]byte{"encrypted": encrypted, "authenticated": authenticated} {
		for i := range packet { // one bit wrong anywhere
			r := Receiver{rtcp: rfc7714(t)}
			wrong := bytes.Clone(packet)
			wrong[i] ^= 1
			if _, err := r.OpenRTCP(wrong); !errors.Is(err, ErrAuthentication) {
				t.Errorf("%s packet with byte %d changed: %v", name, i, err)
			}
		}
		r := Receiver{rtcp: rfc7714(t)}
		opened, err := r.OpenRTCP(bytes.Clone(packet))
		if err != nil || !bytes.Equal(opened, plain) {
			t.Errorf("%s packet opened to %x, %v", name, opened, err)
		}
	}
}
