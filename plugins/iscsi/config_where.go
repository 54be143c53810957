package iscsi

import (
	"fmt"

	"github.com/mesoncloud/meson/sdk"
)

// toSet is the hint to set something: where it is read.
func (c *Config) toSet(name string) string {
	if c.ofResident {
		return setThere(name)
	}
	return "set " + name
}

// setThere says how a resident part with vaults of its own is told something.
func setThere(name string) string {
	flags := map[string]string{
		"path": "--vault", "vaults": "--vault", "address": "--address", "nfs_address": "--nfs-address", "nfs_clients": "--nfs-clients",
	}
	if flag := flags[name]; flag != "" {
		return fmt.Sprintf("start the resident part with `serve %s`, or with %s in the file of its --config", flag, name)
	}
	return fmt.Sprintf("start the resident part with %s in the file of its --config", name)
}

// whose says in a sentence whose settings they are.
func (c *Config) whose() string {
	if c.ofResident {
		return "the resident part's settings"
	}
	return "the provider's settings"
}

func (c *Config) notServed(what, setting string) error {
	return &sdk.Error{
		Kind: sdk.Unsupported, Op: "serve volume", Source: sdk.SourceProvider,
		Text: "the provider serves nothing over " + what, Hint: c.toSet(setting),
	}
}
