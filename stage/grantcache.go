package stage

import (
	"crypto/sha256"
	"sync"
)

// maxCachedGrants bounds the memory for verified tokens: at most 2 KB each.
const maxCachedGrants = 8192

// grantCache remembers tokens whose signature and claims were found good, because looking again costs a millisecond of
// P-384 and one page load presents its token several times. Whether a token has expired is not remembered. Keys are
// hashes, so that tokens do not lie around in memory.
type grantCache struct {
	mu     sync.Mutex
	grants map[[sha256.Size]byte]Grant
}

func newGrantCache() *grantCache {
	return &grantCache{grants: make(map[[sha256.Size]byte]Grant)}
}

func (c *grantCache) get(raw string) (Grant, bool) {
	key := sha256.Sum256([]byte(raw))
	c.mu.Lock()
	defer c.mu.Unlock()
	grant, ok := c.grants[key]
	return grant, ok
}

func (c *grantCache) put(raw string, grant Grant) {
	key := sha256.Sum256([]byte(raw))
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.grants) >= maxCachedGrants {
		// Maps are walked in no particular order, so this forgets one at random: cheap, and no pattern of use defeats it.
		for old := range c.grants {
			delete(c.grants, old)
			break
		}
	}
	c.grants[key] = grant
}
