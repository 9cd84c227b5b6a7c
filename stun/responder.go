package stun

import "net/netip"

// Responder answers the checks that one ICE agent gets. A lite agent is one that never controls.
type Responder struct {
	// Password is the own one.
	Password string
	// Controlling is the own role. Answer changes it when a check shows that both sides have the same role and this one has to give way.
	Controlling bool
	// TieBreaker decides who gives way. // RFC 8445 16.1
	TieBreaker uint64
}

// Answer appends to dst the answer to a request that was seen to come from an address, and says whether the request was a valid check: one
// that an agent with the password sent, that is understood and was answered with success. The caller has found the Responder by m.LocalFragment.
// // RFC 8489 9.1.3, 6.3.1, RFC 8445 7.3
func (r *Responder) Answer(dst []byte, m *Message, from netip.AddrPort) (answer []byte, valid bool) {
	switch {
	case len(m.Username) == 0 || !m.HasIntegrity():
		return AppendError(dst, m.TransactionID, BadRequest, ""), false
	case !m.Authentic(r.Password):
		return AppendError(dst, m.TransactionID, Unauthenticated, ""), false
	case len(m.Unknown()) > 0:
		return AppendError(dst, m.TransactionID, UnknownAttribute, r.Password, m.Unknown()...), false
	case m.HasRole() && m.Controlling() == r.Controlling:
		// The agent with the larger number is to control; the sender gives way when the numbers are equal. // RFC 8445 7.3.1.1
		if larger := r.TieBreaker >= m.TieBreaker; larger == r.Controlling {
			return AppendError(dst, m.TransactionID, RoleConflict, r.Password), false
		}
		r.Controlling = !r.Controlling
	}
	return AppendSuccess(dst, m.TransactionID, from, r.Password), true
}
