package stage

import (
	"context"
	"fmt"
)

// Issuer signs participant tokens with the key in a store, beside the Service that serves its stages or without one. It looks at no stage and
// changes nothing but the key, which it makes when it is the first to need it.
type Issuer struct{ signer *signer }

// NewIssuer loads the signing key. Tokens carry URLs below publicURL.
func NewIssuer(ctx context.Context, store Store, publicURL string) (*Issuer, error) {
	signer, err := newSigner(ctx, store, publicURL)
	if err != nil {
		return nil, fmt.Errorf("issue tokens: %w", err)
	}
	return &Issuer{signer: signer}, nil
}

// Issue signs a token for a new participant of a stage, which must exist when the token is used.
func (i *Issuer) Issue(id ID, req TokenRequest) (Token, error) { return i.signer.sign(id, req) }
