package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Issue point 10: with a certificate everything is HTTPS and WSS, and works.
func TestHTTPS(t *testing.T) {
	certificate, key := makeCertificate(t)
	address := freeAddress(t)
	url := "https://" + address
	s := newServer(t, url, filepath.Join(t.TempDir(), "data"), []string{"serve", "--http", address, "--admin", freeAddress(t),
		"--data", filepath.Join(t.TempDir(), "data"), "--public-url", url, "--tls-cert", certificate, "--tls-key", key})
	s.start()
	mia, leo := s.register("mia"), s.register("leo")
	i := mia.invite("")
	if !strings.HasPrefix(i.Link, url) {
		t.Errorf("the invitation leads to %q", i.Link)
	}
	leo.accept(i)
	claims := mia.studio("mia").claims(t)
	if claims["events_url"] != "wss://"+address+"/rtc/events" || claims["whip_url"] != url+"/rtc/whip" {
		t.Errorf("the token leads to %v and %v", claims["events_url"], claims["whip_url"])
	}
	host := browsers.get(t, kind{camera: red}).onStage(t, mia, mia)
	guest := browsers.get(t, kind{camera: green}).onStage(t, leo, mia)
	host.awaitMoving(joinTimeout, tileVideo(host.idOf("leo")), green)
	guest.awaitMoving(joinTimeout, tileVideo(guest.idOf("mia")), red)
	host.goLive()
	viewer := browsers.get(t, kind{}).watch(t, s, nil, mia)
	viewer.awaitMoving(joinTimeout, compositeVideo(host.idOf("mia")), red)

	response, err := s.stranger().client.Get(url + "/login")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.Header.Get("Strict-Transport-Security") == "" {
		t.Error("no Strict-Transport-Security")
	}
	jar := s.register("zoe").client.Jar.(*cookieWatcher)
	for _, cookie := range jar.seen {
		if !cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || !strings.HasPrefix(cookie.Name, "__Host-") {
			t.Errorf("the session cookie is %v", cookie)
		}
	}
}

// Issue point 10: the log says when browsers will not open a camera for lack of HTTPS, and keeps quiet where that is no problem.
func TestHTTPSMissing(t *testing.T) {
	local := startServer(t)
	if warns(local) {
		t.Errorf("a warning on localhost:\n%s", local.log.String())
	}
	_, free, _ := net.SplitHostPort(freeAddress(t))
	dir := filepath.Join(t.TempDir(), "data")
	open := newServer(t, "http://localhost:"+free, dir, []string{"serve", "--http", "127.0.0.1:" + free, "--public-url", "http://stream.example:" + free,
		"--admin", freeAddress(t), "--data", dir})
	open.start()
	if !warns(open) {
		t.Errorf("no warning beyond localhost:\n%s", open.log.String())
	}
}

// warns says whether the log has a warning that speaks of HTTPS and of the camera.
func warns(s *server) bool {
	for line := range strings.Lines(s.log.String()) {
		lower := strings.ToLower(line)
		if strings.Contains(lower, "level=warn") && strings.Contains(lower, "https") && strings.Contains(lower, "camera") {
			return true
		}
	}
	return false
}

// makeCertificate makes a certificate for localhost that nobody trusts, and returns its two files.
func makeCertificate(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certificate, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{
		certificate: {Type: "CERTIFICATE", Bytes: der},
		key:         {Type: "PRIVATE KEY", Bytes: pkcs8},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}
