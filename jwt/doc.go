// Package jwt signs and verifies the one kind of JSON Web Token that StreamCat knows: a compact JWS (RFC 7515) with the
// algorithm ES384 (RFC 7518 3.4), typ "JWT" and a key named by kid.
//
// It owns the envelope: size, encoding, header and signature. What the claims say is the caller's business; they are handed over
// only after the signature was found good.
//
// Data flow: Sign takes any JSON object and returns the token. Verify looks at the header, asks the caller for the key that kid
// names, checks the signature and decodes the payload.
//
// Invariants: no header field decides which algorithm is used, and no token without a good signature is decoded into
// claims. There is no state and there are no locks.
package jwt
