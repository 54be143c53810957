package host

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// distrusted is why a file is not run, and what would change that.
type distrusted struct{ reason, hint string }

// distrust says why nobody should run the file, or nil: somebody other than its
// owner could have written it, or could put another in its place. Owners may be
// root and the user who runs Meson. Symbolic links are followed; what counts is
// where they lead.
func distrust(path string) *distrusted {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return &distrusted{reason: fmt.Sprintf("it cannot be followed: %v", reasonOf(err))}
	}
	info, err := os.Stat(real)
	if err != nil {
		return &distrusted{reason: reasonOf(err).Error()}
	}
	if d := distrustFile(real, info); d != nil {
		return d
	}
	for _, dir := range []string{filepath.Dir(path), filepath.Dir(real)} {
		if d := distrustDir(dir); d != nil {
			return d
		}
	}
	// Above the directory only a stranger's right to rename it matters; a sticky
	// directory such as /tmp does not give that.
	for dir := filepath.Dir(filepath.Dir(real)); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return &distrusted{reason: reasonOf(err).Error()}
		}
		if info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
			return &distrusted{
				reason: fmt.Sprintf("everybody may rename what is in %s", dir),
				hint:   "chmod o-w " + dir,
			}
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

func distrustFile(path string, info fs.FileInfo) *distrusted {
	switch perm := info.Mode().Perm(); {
	case !info.Mode().IsRegular():
		return &distrusted{reason: "it is not a regular file"}
	case !ownedByUs(info):
		return &distrusted{
			reason: "it belongs neither to root nor to the user who runs Meson",
			hint:   "chown root " + path,
		}
	case perm&0o022 != 0:
		return &distrusted{
			reason: fmt.Sprintf("others than its owner may write it (mode %04o)", perm),
			hint:   "chmod go-w " + path,
		}
	case perm&0o111 == 0:
		return &distrusted{reason: fmt.Sprintf("it is not executable (mode %04o)", perm), hint: "chmod a+x " + path}
	}
	return nil
}

func distrustDir(dir string) *distrusted {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return &distrusted{reason: reasonOf(err).Error()}
	case !ownedByUs(info):
		return &distrusted{
			reason: fmt.Sprintf("its directory %s belongs neither to root nor to the user who runs Meson", dir),
			hint:   "chown root " + dir,
		}
	case info.Mode().Perm()&0o022 != 0:
		return &distrusted{
			reason: fmt.Sprintf("others than its owner may write its directory %s (mode %04o)", dir, info.Mode().Perm()),
			hint:   "chmod go-w " + dir,
		}
	}
	return nil
}

func ownedByUs(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && trustedUID(stat.Uid)
}

func trustedUID(uid uint32) bool { return uid == 0 || int(uid) == os.Geteuid() }
