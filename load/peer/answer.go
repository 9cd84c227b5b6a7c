package peer

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// ErrAnswer says that an answer is not one that this client can do something with.
var ErrAnswer = errors.New("the answer is of no use")

// maxCandidates bounds how many addresses of the server are tried.
const maxCandidates = 8

// Answer is what the server has agreed to.
type Answer struct {
	// Sections are those of the offer that were accepted, in its order.
	Sections []Accepted

	fragment, password string
	hash               string // of the fingerprint
	fingerprint        []byte
	candidates         []netip.AddrPort // the preferred ones first
}

// Accepted is one section.
type Accepted struct {
	Kind Kind
	// SSRC and Repair are the streams that the server declares, 0 when it does not.
	SSRC, Repair uint32
	// TWCC is the number of the header extension with transport-wide sequence numbers, MID and RID of those with names, Level of that with the
	// audio level; 0 when not agreed.
	TWCC, MID, RID, Level uint8
	// REMB says that the server wants to hear estimates of the bitrate.
	REMB bool
	// RIDs are the layers that the server takes.
	RIDs []string
}

// readAnswer reads an answer to an offer with these sections.
func readAnswer(text string, offered []Section) (*Answer, error) {
	a := &Answer{}
	var section *Accepted
	kinds := 0
	setup := ""
	priorities := map[netip.AddrPort]uint64{}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if rest, ok := strings.CutPrefix(line, "m="); ok {
			fields := strings.Fields(rest)
			if kinds == len(offered) || len(fields) < 3 || fields[0] != string(offered[kinds].Kind) {
				return nil, fmt.Errorf("read answer: its sections are not those of the offer: %w", ErrAnswer)
			}
			section = nil
			if fields[1] != "0" {
				a.Sections = append(a.Sections, Accepted{Kind: offered[kinds].Kind})
				section = &a.Sections[len(a.Sections)-1]
			}
			kinds++
			continue
		}
		attribute, ok := strings.CutPrefix(line, "a=")
		if !ok {
			continue
		}
		key, value, _ := strings.Cut(attribute, ":")
		switch key {
		case "ice-ufrag":
			a.fragment = value
		case "ice-pwd":
			a.password = value
		case "setup":
			setup = value
		case "fingerprint":
			name, digest, _ := strings.Cut(value, " ")
			bytes, err := hex.DecodeString(strings.ReplaceAll(digest, ":", ""))
			if err != nil {
				return nil, fmt.Errorf("read answer: fingerprint: %w", ErrAnswer)
			}
			a.hash, a.fingerprint = strings.ToLower(name), bytes
		case "candidate":
			if address, priority, ok := readCandidate(value); ok && len(priorities) < maxCandidates {
				if _, known := priorities[address]; !known {
					a.candidates = append(a.candidates, address)
				}
				priorities[address] = max(priorities[address], priority)
			}
		default:
			if section != nil {
				section.attribute(key, value)
			}
		}
	}
	switch {
	case len(a.Sections) == 0:
		return nil, fmt.Errorf("read answer: no section was accepted: %w", ErrAnswer)
	case a.fragment == "" || len(a.password) < 22 || len(a.fragment) > 256 || len(a.password) > 256: // RFC 8839 5.4
		return nil, fmt.Errorf("read answer: no ICE credentials: %w", ErrAnswer)
	case a.fingerprint == nil:
		return nil, fmt.Errorf("read answer: no fingerprint: %w", ErrAnswer)
	case setup == "active":
		return nil, fmt.Errorf("read answer: the server insists on beginning the handshake: %w", ErrAnswer)
	case len(a.candidates) == 0:
		return nil, fmt.Errorf("read answer: no address to send UDP to: %w", ErrAnswer)
	}
	slices.SortStableFunc(a.candidates, func(x, y netip.AddrPort) int {
		switch {
		case priorities[x] > priorities[y]:
			return -1
		case priorities[x] < priorities[y]:
			return 1
		}
		return 0
	})
	return a, nil
}

// readCandidate reads an address that UDP can be sent to. // RFC 8839 5.1
func readCandidate(value string) (address netip.AddrPort, priority uint64, ok bool) {
	fields := strings.Fields(value)
	if len(fields) < 8 || fields[1] != "1" || !strings.EqualFold(fields[2], "udp") {
		return address, 0, false
	}
	ip, err := netip.ParseAddr(fields[4])
	port, portErr := strconv.ParseUint(fields[5], 10, 16)
	if err != nil || portErr != nil || port == 0 || !ip.IsValid() || ip.IsUnspecified() || ip.IsMulticast() || ip.Zone() != "" {
		return address, 0, false
	}
	priority, _ = strconv.ParseUint(fields[3], 10, 32)
	return netip.AddrPortFrom(ip.Unmap(), uint16(port)), priority, true
}

func (s *Accepted) attribute(key, value string) {
	first, rest, _ := strings.Cut(value, " ")
	switch key {
	case "ssrc":
		if n, err := strconv.ParseUint(first, 10, 32); err == nil && s.SSRC == 0 && uint32(n) != s.Repair {
			s.SSRC = uint32(n)
		}
	case "ssrc-group":
		if fields := strings.Fields(rest); first == "FID" && len(fields) == 2 {
			media, err := strconv.ParseUint(fields[0], 10, 32)
			repair, repairErr := strconv.ParseUint(fields[1], 10, 32)
			if err == nil && repairErr == nil {
				s.SSRC, s.Repair = uint32(media), uint32(repair)
			}
		}
	case "extmap":
		first, _, _ = strings.Cut(first, "/")
		n, err := strconv.ParseUint(first, 10, 8)
		if err != nil || n < 1 || n > 14 {
			return
		}
		switch rest, _, _ = strings.Cut(rest, " "); rest {
		case uriTWCC:
			s.TWCC = uint8(n)
		case uriMID:
			s.MID = uint8(n)
		case uriRID:
			s.RID = uint8(n)
		case uriLevel:
			s.Level = uint8(n)
		}
	case "rtcp-fb":
		s.REMB = s.REMB || strings.TrimSpace(rest) == "goog-remb"
	case "simulcast":
		if first == "recv" {
			for stream := range strings.SplitSeq(strings.TrimSpace(rest), ";") {
				rid, _, _ := strings.Cut(stream, ",")
				s.RIDs = append(s.RIDs, strings.TrimPrefix(rid, "~"))
			}
		}
	}
}
