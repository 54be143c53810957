package sdk

import (
	"github.com/hashicorp/go-plugin"
)

// What host and plugin agree on before they speak.
const (
	// ProtocolVersion is the major version of the contract, and the key of the
	// go-plugin version set.
	ProtocolVersion = 1
	// LifelineFD is the file descriptor, named by LifelineEnv, on which a plugin
	// reads until its host is gone: at end of file it exits at once.
	LifelineFD  = 3
	LifelineEnv = "MESON_LIFELINE_FD"
	// MaxMessageBytes bounds every message in both directions.
	MaxMessageBytes = 16 << 20
	// MaxLogLineBytes bounds one log line on stderr; the rest of a longer one is
	// dropped by the host.
	MaxLogLineBytes = 64 << 10
	// BinaryPrefix starts the name of every plugin's binary.
	BinaryPrefix = "meson-plugin-"
	// PluginSet is the one entry of the go-plugin plugin map.
	PluginSet = "meson"
)

// Handshake is the go-plugin handshake. Its cookie keeps a person from running
// the binary by mistake; it is no secret.
func Handshake() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{
		ProtocolVersion:  ProtocolVersion,
		MagicCookieKey:   "MESON_PLUGIN",
		MagicCookieValue: "meson.plugin.v1",
	}
}
