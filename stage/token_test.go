package stage_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"streamcat/jwt"
	"streamcat/stage"
)

// payload decodes what a token says, without verifying it.
func payload(t *testing.T, raw stage.Secret) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(string(raw), ".")
	if len(parts) != 3 {
		t.Fatalf("%d parts", len(parts))
	}
	for i, into := range []*map[string]any{&header, &claims} {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, into); err != nil {
			t.Fatal(err)
		}
	}
	return header, claims
}

// signingKey is the key that the service keeps.
func (w *world) signingKey() *ecdsa.PrivateKey {
	w.t.Helper()
	der, err := w.store.Secret(w.t.Context(), "stage.signing-key")
	w.must(err)
	key, err := x509.ParsePKCS8PrivateKey(der)
	w.must(err)
	return key.(*ecdsa.PrivateKey)
}

func TestTokenClaims(t *testing.T) {
	for _, tt := range []struct{ publicURL, events, whip string }{
		{"https://example.org", "wss://example.org/rtc/events", "https://example.org/rtc/whip"},
		{"http://localhost:8080/", "ws://localhost:8080/rtc/events", "http://localhost:8080/rtc/whip"},
		{"https://example.org/live/", "wss://example.org/live/rtc/events", "https://example.org/live/rtc/whip"},
	} {
		t.Run(tt.publicURL, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(c *stage.Config) { c.PublicURL = tt.publicURL })
				id := w.stage(true)
				token, err := w.CreateParticipantToken(t.Context(), id, stage.TokenRequest{
					UserID: "Zoë", Attributes: map[string]string{"a": "<1>"}, Capabilities: both,
				})
				w.must(err)
				header, claims := payload(t, token.Raw)
				kid, _ := header["kid"].(string)
				if header["alg"] != "ES384" || header["typ"] != "JWT" || !strings.HasPrefix(kid, "arn:aws:ivs:local:000000000000:public-key/") {
					t.Errorf("header %v", header)
				}
				now := float64(time.Now().Unix())
				want := map[string]any{
					"exp": now + 12*3600, "iat": now, "jti": string(token.Participant),
					"resource": "arn:aws:ivs:local:000000000000:stage/" + string(id), "topic": string(id),
					"events_url": tt.events, "whip_url": tt.whip,
					"user_id": "Zoë", "attributes": map[string]any{"a": "<1>"},
					"capabilities": map[string]any{"allow_publish": true, "allow_subscribe": true},
					"version":      "1.0",
				}
				if diff := cmp.Diff(want, claims); diff != "" {
					t.Errorf("claims (-want +got):\n%s", diff)
				}
				if len(token.Participant) != 12 {
					t.Errorf("participant id %q", token.Participant)
				}
				grant, err := w.Authenticate(t.Context(), string(token.Raw), id)
				w.must(err)
				wantGrant := stage.Grant{
					Stage: id, Participant: token.Participant, UserID: "Zoë", Attributes: map[string]string{"a": "<1>"},
					Capabilities: both, Expires: token.Expires,
				}
				if diff := cmp.Diff(wantGrant, grant); diff != "" {
					t.Errorf("grant (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestTokenRequests(t *testing.T) {
	w := newWorld(t, nil)
	id := w.stage(true)
	kilobyte := strings.Repeat("v", 1024)
	tests := []struct {
		name string
		req  stage.TokenRequest
		want stage.Code
	}{
		{"shortest", stage.TokenRequest{Capabilities: both, Duration: time.Minute}, ""},
		{"too short", stage.TokenRequest{Capabilities: both, Duration: time.Minute - 1}, stage.InvalidInput},
		{"negative", stage.TokenRequest{Capabilities: both, Duration: -time.Hour}, stage.InvalidInput},
		{"longest", stage.TokenRequest{Capabilities: both, Duration: 14 * 24 * time.Hour}, ""},
		{"too long", stage.TokenRequest{Capabilities: both, Duration: 14*24*time.Hour + 1}, stage.InvalidInput},
		{"no capability", stage.TokenRequest{}, stage.InvalidInput},
		{"publish only", stage.TokenRequest{Capabilities: stage.Capabilities{Publish: true}}, ""},
		{"a kilobyte of attributes", stage.TokenRequest{Capabilities: both, Attributes: map[string]string{"k": kilobyte[1:]}}, ""},
		{"more than a kilobyte", stage.TokenRequest{Capabilities: both, Attributes: map[string]string{"k": kilobyte}}, stage.InvalidInput},
		{"a kilobyte that grows when escaped", stage.TokenRequest{Capabilities: both, Attributes: map[string]string{"k": strings.Repeat("\x01", 1023)}}, ""},
		{"attribute that is no text", stage.TokenRequest{Capabilities: both, Attributes: map[string]string{"k": "\xff"}}, stage.InvalidInput},
		{"NUL", stage.TokenRequest{Capabilities: both, Attributes: map[string]string{"k": "a\x00"}}, stage.InvalidInput},
		{"128 characters of user id", stage.TokenRequest{Capabilities: both, UserID: strings.Repeat("ü", 128)}, ""},
		{"129 characters of user id", stage.TokenRequest{Capabilities: both, UserID: strings.Repeat("u", 129)}, stage.InvalidInput},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			token, err := w.CreateParticipantToken(t.Context(), id, tt.req)
			refused(t, err, tt.want)
			if tt.want == "" {
				_, err := w.Authenticate(t.Context(), string(token.Raw), id)
				w.must(err)
			}
		})
	}
	t.Run("unknown stage", func(t *testing.T) {
		_, err := w.CreateParticipantToken(t.Context(), "nowhere", stage.TokenRequest{Capabilities: both})
		refused(t, err, stage.StageDeleted)
	})
}

func TestAuthenticate(t *testing.T) {
	w := newWorld(t, nil)
	id, other := w.stage(true), w.stage(true)
	token, grant := w.token(id, both)
	header, good := payload(t, token.Raw)
	kid := header["kid"].(string)
	key := w.signingKey()
	stranger, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	w.must(err)
	now := time.Now().Unix()

	// with signs the claims of a good token, changed.
	with := func(changes map[string]any) string {
		claims := maps.Clone(good)
		for name, value := range changes {
			if value == nil {
				delete(claims, name)
			} else {
				claims[name] = value
			}
		}
		raw, err := jwt.Sign(key, kid, claims)
		w.must(err)
		return raw
	}
	signedBy := func(key *ecdsa.PrivateKey, kid string) string {
		raw, err := jwt.Sign(key, kid, good)
		w.must(err)
		return raw
	}
	header2 := func(h string) string {
		parts := strings.Split(string(token.Raw), ".")
		return base64.RawURLEncoding.EncodeToString([]byte(h)) + "." + parts[1] + "." + parts[2]
	}
	type object = map[string]any

	tests := []struct {
		name  string
		raw   string
		stage stage.ID
		want  stage.Code
	}{
		{"good", string(token.Raw), id, ""},
		{"good, no stage named", string(token.Raw), "", ""},
		{"good, signed again", with(nil), id, ""},
		{"no user id and no attributes", with(object{"user_id": nil, "attributes": nil}), id, ""},
		{"unknown claims", with(object{"nonce": "x"}), id, ""},
		{"clock a little ahead", with(object{"iat": now + 30}), id, ""},
		{"none", "", id, stage.TokenMalformed},
		{"nonsense", "hello", id, stage.TokenMalformed},
		{"huge", strings.Repeat("a", 1<<20), id, stage.TokenMalformed},
		{"alg none", header2(`{"alg":"none","typ":"JWT","kid":"` + kid + `"}`), id, stage.TokenMalformed},
		{"alg HS256", header2(`{"alg":"HS256","typ":"JWT","kid":"` + kid + `"}`), id, stage.TokenMalformed},
		{"alg of the IVS samples", header2(`{"alg":"KMS","typ":"JWT"}`), id, stage.TokenMalformed},
		{"typ", header2(`{"alg":"ES384","typ":"JWS","kid":"` + kid + `"}`), id, stage.TokenMalformed},
		{"a stranger's key", signedBy(stranger, "arn:aws:ivs:local:000000000000:public-key/stranger"), id, stage.TokenMalformed},
		{"a stranger's key under our name", signedBy(stranger, kid), id, stage.TokenMalformed},
		{"for another stage", string(token.Raw), other, stage.TokenMalformed},
		{"expired", with(object{"iat": now - 120, "exp": now - 60}), id, stage.TokenExpired},
		{"expires now", with(object{"iat": now - 60, "exp": now}), id, stage.TokenExpired},
		{"issued in the future", with(object{"iat": now + 3600, "exp": now + 7200}), id, stage.TokenMalformed},
		{"ends before it begins", with(object{"iat": now - 10, "exp": now - 20}), id, stage.TokenMalformed},
		{"14 days", with(object{"iat": now, "exp": now + 14*86400}), id, ""},
		{"more than 14 days", with(object{"iat": now, "exp": now + 14*86400 + 1}), id, stage.TokenMalformed},
		{"times that overflow", with(object{"iat": json.Number("-9223372036854775808"), "exp": json.Number("9223372036854775807")}), id, stage.TokenMalformed},
		{"exp missing", with(object{"exp": nil}), id, stage.TokenMalformed},
		{"iat missing", with(object{"iat": nil}), id, stage.TokenMalformed},
		{"exp a string", with(object{"exp": fmt.Sprint(now + 60)}), id, stage.TokenMalformed},
		{"exp a fraction", with(object{"exp": float64(now+60) + 0.5}), id, stage.TokenMalformed},
		{"jti missing", with(object{"jti": nil}), id, stage.TokenMalformed},
		{"jti with a slash", with(object{"jti": "a/b"}), id, stage.TokenMalformed},
		{"jti with a line", with(object{"jti": "abc\n"}), id, stage.TokenMalformed},
		{"jti of 64", with(object{"jti": strings.Repeat("j", 64)}), id, ""},
		{"jti of 65", with(object{"jti": strings.Repeat("j", 65)}), id, stage.TokenMalformed},
		{"version missing", with(object{"version": nil}), id, stage.TokenMalformed},
		{"version 0.3", with(object{"version": "0.3"}), id, stage.TokenMalformed},
		{"topic missing", with(object{"topic": nil}), id, stage.TokenMalformed},
		{"topic of another stage", with(object{"topic": string(other)}), id, stage.TokenMalformed},
		{"resource missing", with(object{"resource": nil}), id, stage.TokenMalformed},
		{"resource of another stage", with(object{"resource": other.ARN()}), id, stage.TokenMalformed},
		{"resource of another region", with(object{"resource": "arn:aws:ivs:us-east-1:123456789012:stage/" + string(id)}), id, stage.TokenMalformed},
		{"capabilities missing", with(object{"capabilities": nil}), id, stage.TokenMalformed},
		{"capabilities a list", with(object{"capabilities": []string{"PUBLISH"}}), id, stage.TokenMalformed},
		{"attributes too large", with(object{"attributes": object{"k": strings.Repeat("v", 1024)}}), id, stage.TokenMalformed},
		{"attribute not text", with(object{"attributes": object{"k": 1}}), id, stage.TokenMalformed},
		{"user id too long", with(object{"user_id": strings.Repeat("u", 129)}), id, stage.TokenMalformed},
		{"unknown stage", with(object{"resource": stage.ID("nowhere").ARN(), "topic": "nowhere"}), "", stage.StageDeleted},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// Twice: the second time the answer may come from the cache.
			for range 2 {
				_, err := w.Authenticate(t.Context(), tt.raw, tt.stage)
				refused(t, err, tt.want)
			}
		})
	}

	t.Run("stage deleted", func(t *testing.T) {
		raw, _ := w.token(other, both)
		w.must(w.DeleteStage(t.Context(), other))
		_, err := w.Authenticate(t.Context(), string(raw.Raw), other)
		refused(t, err, stage.StageDeleted)
	})
	t.Run("participant removed", func(t *testing.T) {
		w.must(w.DisconnectParticipant(t.Context(), id, grant.Participant, ""))
		_, err := w.Authenticate(t.Context(), string(token.Raw), id)
		refused(t, err, stage.ParticipantDisconnected)
	})
}

func TestCachedTokenExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		id := w.stage(true)
		token, err := w.CreateParticipantToken(t.Context(), id, stage.TokenRequest{Capabilities: both, Duration: time.Minute})
		w.must(err)
		time.Sleep(59 * time.Second)
		_, err = w.Authenticate(t.Context(), string(token.Raw), id)
		w.must(err)
		time.Sleep(time.Second)
		_, err = w.Authenticate(t.Context(), string(token.Raw), id)
		refused(t, err, stage.TokenExpired)
	})
}

func TestExpiryDoesNotEndWhoIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		id := w.stage(true)
		token, err := w.CreateParticipantToken(t.Context(), id, stage.TokenRequest{Capabilities: both, Duration: time.Minute})
		w.must(err)
		grant, err := w.Authenticate(t.Context(), string(token.Raw), id)
		w.must(err)
		w.connect(grant, tabA)
		time.Sleep(2 * time.Minute)
		if _, err = w.Authenticate(t.Context(), string(token.Raw), id); err != nil {
			t.Errorf("while connected: %v", err)
		}
		w.Disconnect(grant, tabA, false)
		time.Sleep(2 * time.Second)
		if _, err = w.Authenticate(t.Context(), string(token.Raw), id); err != nil {
			t.Errorf("while its client may resume: %v", err)
		}
		time.Sleep(2 * time.Second)
		_, err = w.Authenticate(t.Context(), string(token.Raw), id)
		refused(t, err, stage.TokenExpired)
	})
}

func TestTokensOutliveARestart(t *testing.T) {
	w := newWorld(t, nil)
	id := w.stage(true)
	token, _ := w.token(id, both)
	removed, grant := w.token(id, both)
	w.must(w.DisconnectParticipant(t.Context(), id, grant.Participant, "Bye."))
	w.restart()
	_, err := w.Authenticate(t.Context(), string(token.Raw), id)
	w.must(err)
	_, err = w.Authenticate(t.Context(), string(removed.Raw), id)
	refused(t, err, stage.ParticipantDisconnected)
}

func TestSecretsStaySecret(t *testing.T) {
	w := newWorld(t, nil)
	token, _ := w.token(w.stage(true), both)
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("made", "token", token, "raw", token.Raw)
	shown := fmt.Sprintf("%v %+v %#v %s", token, token, token.Raw, token.Raw) + log.String()
	if strings.Contains(shown, string(token.Raw)) {
		t.Errorf("the token shows in %s", shown)
	}
}

func TestOpenRefusesPublicURLs(t *testing.T) {
	for _, url := range []string{"", "example.org", "ftp://example.org", "https://", "://"} {
		w := newWorld(t, nil)
		config := w.config
		config.PublicURL = url
		if s, err := stage.Open(context.Background(), config); err == nil {
			t.Errorf("opened with %q", url)
			w.must(s.Close())
		}
	}
}

func TestARN(t *testing.T) {
	id, ok := stage.ParseARN(stage.ID("Ab-_9").ARN())
	if !ok || id != "Ab-_9" {
		t.Errorf("got %q, %v", id, ok)
	}
	const prefix = "arn:aws:ivs:local:000000000000:"
	for _, arn := range []string{
		"", "Ab", prefix, prefix + "stage/", prefix + "stage/a/b", prefix + "stage/a b", prefix + "channel/a", prefix + "stage/ä",
		"arn:aws:ivs:eu-west-1:000000000000:stage/a", "arn:aws:ivs:local:1:stage/a", " " + prefix + "stage/a",
		prefix + "stage/" + strings.Repeat("a", 65), prefix + "stage/a\n",
	} {
		if id, ok := stage.ParseARN(arn); ok {
			t.Errorf("%q is stage %q", arn, id)
		}
	}
}

func TestNew(t *testing.T) {
	seen := map[stage.ID]bool{}
	for _, tt := range []struct {
		name string
		want stage.Code
	}{
		{"", ""}, {"Late-Night_2", ""}, {strings.Repeat("n", 128), ""},
		{strings.Repeat("n", 129), stage.InvalidInput}, {"two words", stage.InvalidInput}, {"ü", stage.InvalidInput}, {"a\n", stage.InvalidInput},
	} {
		s, err := stage.New(tt.name, true)
		if got := stage.CodeOf(err); got != tt.want {
			t.Errorf("%q: got %v", tt.name, err)
		}
		if err != nil {
			continue
		}
		if _, ok := stage.ParseARN(s.ID.ARN()); !ok || len(s.ID) != 22 || seen[s.ID] || !s.Gated || s.Live() {
			t.Errorf("%q: made %+v", tt.name, s)
		}
		seen[s.ID] = true
	}
}

// FuzzAuthenticate holds that no input makes the service accept a token that it did not make.
func FuzzAuthenticate(f *testing.F) {
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJFUzM4NCIsInR5cCI6IkpXVCIsImtpZCI6ImFybiJ9.e30.")
	w := newWorld(f, nil)
	f.Fuzz(func(t *testing.T, raw string) {
		if grant, err := w.Authenticate(t.Context(), raw, ""); err == nil {
			t.Errorf("accepted %+v", grant)
		} else if code := stage.CodeOf(err); code != stage.TokenMalformed && code != stage.TokenExpired && code != stage.StageDeleted {
			t.Errorf("got %v", err)
		}
	})
}
