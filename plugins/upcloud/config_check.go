package upcloud

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"github.com/mesoncloud/meson/sdk"
)

// Validate finds every fault that the settings have together; what each must be
// by itself, its tags say.
func (c *Config) Validate() []sdk.Fault {
	v := &configCheck{}
	v.credentials(c)
	v.apiURL(c.APIURL)
	v.zones(c.Zones)
	if c.PrivateNetwork != "" && !uuidText.MatchString(c.PrivateNetwork) {
		v.fault("private_network", c.PrivateNetwork, "a UUID such as 03000000-0000-4000-8001-000000000000", "%.64q is no UUID of a network", c.PrivateNetwork)
	}
	seen := map[string]int{}
	for i, im := range c.Images {
		path := fmt.Sprintf("images[%d]", i)
		if _, err := im.pattern(); err != nil {
			v.fault(path+".template", im.Template, "a regular expression such as Debian GNU/Linux 12 .*", "%v", err)
		}
		if first, twice := seen[im.label()]; twice {
			v.fault(path, im.label(), "each system once", "%s is images[%d] already", im.label(), first)
			continue
		}
		seen[im.label()] = i
	}
	return v.faults
}

type configCheck struct{ faults []sdk.Fault }

func (v *configCheck) fault(path, have, want, format string, args ...any) {
	v.faults = append(v.faults, sdk.Fault{Path: path, Have: have, Want: want, Text: fmt.Sprintf(format, args...)})
}

// credentials wants a token, or user and password, or nothing. Faults never show
// a value.
func (v *configCheck) credentials(c *Config) {
	switch {
	case !c.Token.IsZero() && (!c.Username.IsZero() || !c.Password.IsZero()):
		v.fault("token", "", "a token, or username and password", "a token beside username or password: want one way to log in")
	case c.Username.IsZero() && !c.Password.IsZero():
		v.fault("username", "", "the user whose password it is", "a password without a username")
	case !c.Username.IsZero() && c.Password.IsZero():
		v.fault("password", "", "the password of the user", "a username without a password")
	}
	for _, s := range []struct {
		path   string
		secret sdk.Secret
	}{{"token", c.Token}, {"username", c.Username}, {"password", c.Password}} {
		if strings.ContainsFunc(s.secret.Reveal(), func(r rune) bool { return r < ' ' || r == 0x7f }) {
			v.fault(s.path, "", "one line without control characters", "it has a line break or another control character in it")
		}
	}
}

// apiURL refuses an address by which credentials would cross a network in the
// open.
func (v *configCheck) apiURL(text string) {
	const want = "https://HOST, or http on a loopback address such as http://127.0.0.1:8080"
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		v.fault("api_url", "", want, "it is no address of https or http")
	case u.User != nil:
		v.fault("api_url", "", want, "it has a user or password in it: those are secrets of their own")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		v.fault("api_url", text, want, "%.100q has more than scheme and host", text)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		v.fault("api_url", text, want, "%.100q would carry credentials unencrypted", text)
	}
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func (v *configCheck) zones(zones []string) {
	seen := map[string]bool{}
	for i, z := range zones {
		path := fmt.Sprintf("zones[%d]", i)
		switch {
		case !zoneText.MatchString(z):
			v.fault(path, z, "the id of a zone such as fi-hel1", "%.64q is no id of a zone", z)
		case seen[z]:
			v.fault(path, z, "each zone once", "%s stands there twice", z)
		}
		seen[z] = true
	}
}

var (
	uuidText = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	zoneText = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
)

// pattern is Template for whole titles.
func (i Image) pattern() (*regexp.Regexp, error) { return regexp.Compile(`^(?:` + i.Template + `)$`) }

// label is family/flavour, for people.
func (i Image) label() string {
	if i.OSFlavour == "" {
		return i.OSFamily
	}
	return i.OSFamily + "/" + i.OSFlavour
}
