package upcloud

import (
	"net/url"
	"time"

	"github.com/mesoncloud/meson/sdk"
)

// Config is one account at UpCloud. Without credentials the provider still
// quotes, by the list prices that come with the plugin.
type Config struct {
	Token    sdk.Secret `json:"token" secret:"true" help:"API token of the account; it begins with ucat_."`
	Username sdk.Secret `json:"username" secret:"true" help:"User of the account, in the place of a token."`
	Password sdk.Secret `json:"password" secret:"true" help:"Password of username."`

	Zones          []string `json:"zones,omitempty" help:"Zones to offer; by default every public zone that the account sees. A private zone is offered only if it stands here." example:"[\"fi-hel1\", \"de-fra1\"]"`
	StorageTier    string   `json:"storage_tier,omitempty" help:"Tier of the disks that a plan does not bring along." enum:"maxiops,standard,hdd" default:"maxiops"`
	Discontinued   bool     `json:"discontinued,omitempty" help:"Offers plans that UpCloud has discontinued and still lists, too."`
	Spot           bool     `json:"spot,omitempty" help:"Offers GPU plans that UpCloud may take back at any time, too."`
	CustomSizes    string   `json:"custom_sizes,omitempty" help:"Free choice of cores and memory: auto offers it in zones where the account has it, never does not." enum:"auto,never" default:"auto"`
	PrivateNetwork string   `json:"private_network,omitempty" help:"UUID of a private network that every server joins; only zones that have it are offered." example:"03000000-0000-4000-8001-000000000000"`
	ServerPrefix   string   `json:"server_prefix,omitempty" help:"What the titles of servers begin with." default:"meson-" pattern:"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,30}$"`
	Images         []Image  `json:"images,omitempty" help:"What servers boot, before the public templates; the first is taken where the user names no system."`

	APIURL  string        `json:"api_url,omitempty" help:"Address of the API: https, or http on a loopback address." default:"https://api.upcloud.com"`
	Timeout time.Duration `json:"timeout,omitempty" help:"How long one request may take." default:"30s" min:"1s" max:"10m"`
}

// Image is a template that servers boot, found by its title in the listing of
// templates each time: UUIDs differ and change.
type Image struct {
	OSFamily  string `json:"os_family" help:"Family of the system." required:"true" enum:"linux,windows,macos,bsd"`
	OSFlavour string `json:"os_flavour,omitempty" help:"Its flavour, in the words that users ask by; the family's first image is taken where the user names none." pattern:"^[a-z0-9][a-z0-9._-]{0,62}$" example:"debian12"`
	Template  string `json:"template" help:"Regular expression that the whole title of a template matches; of several, the last by title is taken." required:"true" example:"Debian GNU/Linux 12 .*"`
}

// HasCredentials reports whether the account can be asked.
func (c *Config) HasCredentials() bool {
	return !c.Token.IsZero() || !c.Username.IsZero() && !c.Password.IsZero()
}

// apiHost is the address without path, for people.
func (c *Config) apiHost() string {
	u, err := url.Parse(c.APIURL)
	if err != nil {
		return c.APIURL
	}
	return u.Host
}
