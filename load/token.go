package load

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	// maxTokenLine is far above what a token has.
	maxTokenLine = 64 << 10
	// maxTokens bounds what is read from a file.
	maxTokens = maxViewers + maxHosts + maxProbes
)

// ReadTokens reads participant tokens, one a line: as they are, as JSON strings, or as objects with a field token, as the control plane answers
// (there inside participantToken). A token that allows publishing is a host's, any other a viewer's. Empty lines are skipped.
func ReadTokens(r io.Reader) (hosts, viewers []string, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxTokenLine)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		token, err := tokenIn(line)
		if err != nil {
			return nil, nil, fmt.Errorf("read tokens: line %d: %w", n, err)
		}
		publishes, err := allowsPublish(token)
		if err != nil {
			return nil, nil, fmt.Errorf("read tokens: line %d: %w", n, err)
		}
		if len(hosts)+len(viewers) == maxTokens {
			return nil, nil, fmt.Errorf("read tokens: more than %d", maxTokens)
		}
		if publishes {
			hosts = append(hosts, token)
		} else {
			viewers = append(viewers, token)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, nil, fmt.Errorf("read tokens: %w", err)
	}
	return hosts, viewers, nil
}

func tokenIn(line string) (string, error) {
	switch line[0] {
	case '"':
		var token string
		err := json.Unmarshal([]byte(line), &token)
		return token, err
	case '{':
		var object struct {
			Token            string `json:"token"`
			ParticipantToken struct {
				Token string `json:"token"`
			} `json:"participantToken"`
		}
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			return "", err
		}
		if object.Token == "" {
			object.Token = object.ParticipantToken.Token
		}
		if object.Token == "" {
			return "", errors.New("the object has no token")
		}
		return object.Token, nil
	}
	return line, nil
}

// allowsPublish reads the capabilities of a token without verifying it, which is for the server to do.
func allowsPublish(token string) (bool, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return false, errors.New("not a JWT")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return false, errors.New("not a JWT")
	}
	var claims struct {
		Capabilities struct {
			Publish bool `json:"allow_publish"`
		} `json:"capabilities"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return false, errors.New("not a participant token")
	}
	return claims.Capabilities.Publish, nil
}
