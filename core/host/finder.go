package host

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/sdk"
)

// PathEnv lists directories with plugins, separated by colons, that come before
// all others.
const PathEnv = "MESON_PLUGIN_PATH"

// Finder looks for plugins: files named meson-plugin-NAME in its directories,
// in order. The first file of a name decides: if it cannot be trusted the plugin
// is refused, and no later one steps in unnoticed.
type Finder struct {
	// Dirs are absolute; those that do not exist are skipped.
	Dirs []string
}

// Found is one plugin's file.
type Found struct {
	Name string `json:"name"`
	// Path is the file as found, before symbolic links are followed.
	Path string `json:"path"`
	// Refused says why the file is not run; empty if it may be.
	Refused string `json:"refused,omitempty"`
	// Hint says what would make it acceptable.
	Hint string `json:"hint,omitempty"`
	// ShadowedBy is the path of the file of the same name that comes first.
	ShadowedBy string `json:"shadowed_by,omitempty"`
}

// DefaultDirs are, in order: those of $MESON_PLUGIN_PATH, the one of the running
// binary, ../lib/meson/plugins from there (where it is installed under a prefix
// of its own), the user's ($XDG_DATA_HOME/meson/plugins, by default under
// ~/.local/share), and the system's (/usr/local/lib/meson/plugins,
// /usr/lib/meson/plugins). Each is named once, where it comes first.
func DefaultDirs() []string {
	dirs := filepath.SplitList(os.Getenv(PathEnv))
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		dirs = append(dirs, filepath.Dir(exe), filepath.Join(filepath.Dir(exe), "..", "lib", "meson", "plugins"))
	}
	if data := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(data) {
		dirs = append(dirs, filepath.Join(data, "meson", "plugins"))
	} else if home, err := os.UserHomeDir(); err == nil {
		dirs = append(dirs, filepath.Join(home, ".local", "share", "meson", "plugins"))
	}
	dirs = append(dirs, "/usr/local/lib/meson/plugins", "/usr/lib/meson/plugins")
	seen := make(map[string]bool, len(dirs))
	return slices.DeleteFunc(dirs, func(dir string) bool {
		again := seen[dir]
		seen[dir] = true
		return again
	})
}

// List is every plugin file in order of search, with the reason why one is
// refused or shadowed.
func (f Finder) List() []Found {
	var all []Found
	first := make(map[string]string)
	for _, dir := range f.Dirs {
		if !filepath.IsAbs(dir) {
			// A relative entry would mean another directory wherever Meson is run.
			continue
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, entry := range entries {
			name, ok := strings.CutPrefix(entry.Name(), sdk.BinaryPrefix)
			if !ok || entry.IsDir() {
				continue
			}
			found := inspect(name, filepath.Join(dir, entry.Name()))
			if first[name] == "" {
				first[name] = found.Path
			} else if first[name] != found.Path {
				found.ShadowedBy = first[name]
			} else {
				continue
			}
			all = append(all, found)
		}
	}
	return all
}

// Find is the file of one plugin. A plugin that is nowhere is NotFound, one that
// cannot be trusted Denied; both say where was looked and what helps.
func (f Finder) Find(name string) (Found, error) {
	if err := checkName(name); err != nil {
		return Found{}, &core.Error{Kind: core.Invalid, Op: "find plugin", Subject: fmt.Sprintf("plugin %.40q", name), Text: err.Error()}
	}
	for _, dir := range f.Dirs {
		path := filepath.Join(dir, sdk.BinaryPrefix+name)
		if !filepath.IsAbs(dir) {
			continue
		}
		if info, err := os.Lstat(path); err != nil || info.IsDir() {
			continue
		}
		found := inspect(name, path)
		if found.Refused != "" {
			return found, &core.Error{
				Kind: core.Denied, Op: "find plugin", Subject: "plugin " + name,
				Text: fmt.Sprintf("%s is refused: %s", path, found.Refused), Hint: found.Hint,
			}
		}
		return found, nil
	}
	return Found{}, &core.Error{
		Kind: core.NotFound, Op: "find plugin", Subject: "plugin " + name,
		Text: fmt.Sprintf("no %s%s in %s", sdk.BinaryPrefix, name, strings.Join(f.Dirs, ", ")),
		Hint: "install it in one of these directories, or name its own in " + PathEnv,
	}
}

func inspect(name, path string) Found {
	found := Found{Name: name, Path: path}
	if err := checkName(name); err != nil {
		found.Refused = err.Error()
		return found
	}
	if d := distrust(path); d != nil {
		found.Refused, found.Hint = d.reason, d.hint
	}
	return found
}

func checkName(name string) error {
	if !regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`).MatchString(name) {
		return fmt.Errorf("%.40q is no name of a plugin: want [a-z][a-z0-9-]{0,30}", name)
	}
	return nil
}
