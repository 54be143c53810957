package host

import (
	"fmt"
	"strings"

	"github.com/mesoncloud/meson/sdk"
)

// environment is what a plugin gets of the host's environment. A list of what is
// allowed, since a shell's environment holds the credentials of everything else
// its user does. An entry that ends in * is a prefix.
//
//   - PATH, HOME, TMPDIR, TZ, LANG, LC_*: without them tools and texts differ from
//     what the user sees.
//   - SSL_CERT_*, the proxies: how this machine reaches the world. A proxy's URL
//     may hold a password; it is of use only if it is passed on.
//   - XDG_RUNTIME_DIR, XDG_CONFIG_HOME, XDG_CACHE_HOME: where a user's own
//     services, such as libvirt's session daemon, are found and set up.
//   - LIBVIRT_*: libvirt's documented variables are places and log levels; the
//     credentials are in the file that LIBVIRT_AUTH_FILE names.
//   - MESON_LOG_LEVEL: how much the plugin says.
//
// SSH_AUTH_SOCK is not here: it lends every key in the user's agent. Whoever
// wires the host passes it to the plugins that log in by ssh (Options.PassEnv).
func environment(host, extra []string) []string {
	allowed := append([]string{
		"PATH", "HOME", "TMPDIR", "TZ", "LANG", "LC_*", "SSL_CERT_*",
		"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
		"XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "LIBVIRT_*", "MESON_LOG_LEVEL",
	}, extra...)
	env := []string{fmt.Sprintf("%s=%d", sdk.LifelineEnv, sdk.LifelineFD)}
	for _, entry := range host {
		key, _, _ := strings.Cut(entry, "=")
		for _, a := range allowed {
			prefix, wild := strings.CutSuffix(a, "*")
			if key == a || wild && prefix != "" && strings.HasPrefix(key, prefix) {
				env = append(env, entry)
				break
			}
		}
	}
	return env
}
