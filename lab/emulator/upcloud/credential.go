package upcloud

import (
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// DefaultToken is the bearer token, and the password, of a server that was
// given no credentials. It opens nothing but an emulator.
const DefaultToken = "ucat_01EMULATOR00000000000000"

// Credential is who may call, and what for. One with a token is known by it,
// one with a password by user name and password; both may be given.
type Credential struct {
	Username string `json:"username"`
	Password string `json:"password,omitempty"`
	Token    string `json:"token,omitempty"`
	// ReadOnly credentials change nothing.
	ReadOnly bool `json:"read_only,omitempty"`
	// NoBilling credentials see no prices, and no credits of the account.
	NoBilling bool `json:"no_billing,omitempty"`

	// id and expires are of a token that was made by a call.
	id      string
	expires time.Time
}

// right is what an operation needs.
type right int

const (
	read right = iota
	write
	billing
)

// credentials are all who may call.
type credentials struct {
	clock *Clock
	mu    sync.RWMutex
	all   []Credential
}

func newCredentials(clock *Clock, all []Credential) *credentials {
	return &credentials{clock: clock, all: slices.Clone(all)}
}

func (c *credentials) add(one Credential) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, one)
}

func (c *credentials) remove(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = slices.DeleteFunc(c.all, func(one Credential) bool { return one.id == id })
}

func (c *credentials) list() []Credential {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.Clone(c.all)
}

// authenticate finds who calls, and refuses who may not.
func (c *credentials) authenticate(r *http.Request, needs right) (Credential, error) {
	who, known := c.find(r)
	switch {
	case !known:
		return who, fail(http.StatusUnauthorized, "AUTHENTICATION_FAILED", "Authentication failed using the given username and password.")
	case needs == write && who.ReadOnly, needs == billing && who.NoBilling:
		return who, fail(http.StatusForbidden, "ACTION_FORBIDDEN", "The account has no permission for the action.")
	}
	return who, nil
}

func (c *credentials) find(r *http.Request) (Credential, bool) {
	header := r.Header.Get("Authorization")
	if scheme, token, found := strings.Cut(header, " "); found && strings.EqualFold(scheme, "Bearer") {
		return c.match(func(one Credential) bool { return same(one.Token, token) })
	}
	if user, password, found := r.BasicAuth(); found {
		return c.match(func(one Credential) bool { return one.Username == user && same(one.Password, password) })
	}
	return Credential{}, false
}

func (c *credentials) match(is func(Credential) bool) (Credential, bool) {
	now := c.clock.Now()
	for _, one := range c.list() {
		if is(one) && (one.expires.IsZero() || now.Before(one.expires)) {
			return one, true
		}
	}
	return Credential{}, false
}

// same compares secrets; an empty one is no secret.
func same(have, given string) bool {
	return have != "" && subtle.ConstantTimeCompare([]byte(have), []byte(given)) == 1
}
