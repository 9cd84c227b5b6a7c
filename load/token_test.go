package load

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadTokens(t *testing.T) {
	token := func(claims string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
	}
	host, viewer := token(`{"capabilities":{"allow_publish":true,"allow_subscribe":true}}`), token(`{"capabilities":{"allow_subscribe":true}}`)
	hosts, viewers, err := ReadTokens(strings.NewReader(viewer + "\n\n  \"" + host + "\"\r\n" +
		`{"token":"` + viewer + `"}` + "\n" + `{"participantToken":{"token":"` + host + `","capabilities":["PUBLISH"]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]string{{host, host}, {viewer, viewer}}, [][]string{hosts, viewers}); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, bad := range map[string]string{
		"not a JWT": "hello", "not base64": "a.%.c", "not JSON": "a.e3.c", "claims of the wrong type": token(`{"capabilities":1}`),
		"no token in it": `{"a":1}`, "broken object": `{"token"`, "broken string": `"a`, "too long": strings.Repeat("a", maxTokenLine+1),
	} {
		if _, _, err := ReadTokens(strings.NewReader(viewer + "\n" + bad)); err == nil {
			t.Errorf("%s: accepted", name)
		} else if len(err.Error()) > 200 {
			t.Errorf("%s: the error shows the token", name)
		}
	}
}
