package upcloud

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// wireToken is a token as it is told; the token itself only when it is made.
type wireToken struct {
	AllowedIPRanges []string `json:"allowed_ip_ranges"`
	CanCreateTokens bool     `json:"can_create_tokens"`
	CreatedAt       string   `json:"created_at"`
	ExpiresAt       string   `json:"expires_at"`
	GUI             bool     `json:"gui"`
	ID              string   `json:"id"`
	LastUsedAt      string   `json:"last_used_at,omitempty"`
	Name            string   `json:"name"`
	Token           string   `json:"token,omitempty"`
	Type            string   `json:"type"`
}

// token is a token that a client made. It has the rights of who made it.
type token struct {
	wire wireToken
}

const maxTokens = 100

// The token calls answer with a content type that has no charset, unlike others.
func plain(status int, v any) *reply {
	return &reply{status: status, contentType: plainType, body: encode(v)}
}

func precise(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

func (s *Server) createToken(c *call) (*reply, error) {
	var r struct {
		AllowedIPRanges []string  `json:"allowed_ip_ranges"`
		CanCreateTokens bool      `json:"can_create_tokens"`
		ExpiresAt       time.Time `json:"expires_at"`
		Name            string    `json:"name"`
	}
	if err := decode(c.body, &r); err != nil {
		return nil, err
	}
	if r.Name == "" || len(r.Name) > maxText || len(r.AllowedIPRanges) > 100 || !r.ExpiresAt.After(c.now) || len(s.tokens) >= maxTokens {
		f := bad("INVALID_REQUEST", "Validation error.").asProblem()
		f.params = []invalidParam{{"expires_at", "A token needs a name and a time in the future at which it expires."}}
		return nil, f
	}
	t := &token{wireToken{
		AllowedIPRanges: r.AllowedIPRanges, CanCreateTokens: r.CanCreateTokens, CreatedAt: precise(c.now), ExpiresAt: precise(r.ExpiresAt),
		ID: s.identity.uuid(idToken), Name: r.Name, Type: "workspace",
	}}
	if t.wire.AllowedIPRanges == nil {
		t.wire.AllowedIPRanges = []string{"0.0.0.0/0", "::/0"}
	}
	secret := "ucat_" + strings.ToUpper(s.identity.password(26))
	who := c.caller
	who.Token, who.Password, who.id, who.expires = secret, "", t.wire.ID, r.ExpiresAt
	s.users.add(who)
	s.tokens[t.wire.ID] = t
	w := t.wire
	w.Token = secret
	return plain(http.StatusCreated, w), nil
}

func (s *Server) listTokens(*call) (*reply, error) {
	all := []wireToken{}
	for _, t := range s.tokens {
		all = append(all, t.wire)
	}
	slices.SortFunc(all, func(a, b wireToken) int { return strings.Compare(a.CreatedAt+a.ID, b.CreatedAt+b.ID) })
	return plain(http.StatusOK, all), nil
}

func (s *Server) needToken(c *call) (*token, error) {
	t := s.tokens[c.path("uuid")]
	if t == nil {
		return nil, fail(http.StatusNotFound, "RESOURCE_NOT_FOUND", "The resource you requested does not exist.").asProblem()
	}
	return t, nil
}

func (s *Server) getToken(c *call) (*reply, error) {
	t, err := s.needToken(c)
	if err != nil {
		return nil, err
	}
	return plain(http.StatusOK, t.wire), nil
}

func (s *Server) deleteToken(c *call) (*reply, error) {
	t, err := s.needToken(c)
	if err != nil {
		return nil, err
	}
	s.users.remove(t.wire.ID)
	delete(s.tokens, t.wire.ID)
	return noContent(), nil
}
