package vault

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/mesoncloud/meson/sdk"
)

// The bounds of a scan.
const (
	maxDirs   = 1 << 20
	maxInADir = 1 << 18
)

// scan looks at everything below a root once. Names that begin with a dot are
// passed over, except folders of volumes; so are volumes' own folders inside.
type scan struct {
	vault *Vault
	known map[string]*Volume

	seen map[[2]uint64]string
	// folders and dirs are relative paths: volumes' folders, and directories that
	// lead to them. leftovers are those of volumes that are not yet or no more.
	folders   []string
	dirs      []string
	leftovers []string
	faults    []string

	mu   sync.Mutex
	vols []*Volume
}

// run is every volume below the root.
func (s *scan) run(ctx context.Context) error {
	s.seen = map[[2]uint64]string{}
	if err := s.tree(ctx, s.vault.root, ".", 0); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(2 * runtime.GOMAXPROCS(0))
	const batch = 64
	for i := 0; i < len(s.folders); i += batch {
		some := s.folders[i:min(i+batch, len(s.folders))]
		g.Go(func() error {
			var vols []*Volume
			for _, rel := range some {
				if err := ctx.Err(); err != nil {
					return err
				}
				vols = append(vols, s.read(rel))
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.vols = append(s.vols, vols...)
			return nil
		})
	}
	return g.Wait()
}

func (s *scan) read(rel string) *Volume {
	path := filepath.Join(s.vault.root.path, rel)
	d, err := s.vault.root.walk(rel)
	if err != nil {
		return s.vault.unopened(rel, "the folder cannot be opened: "+cause(err).Error())
	}
	defer d.close()
	return s.vault.readVolume(d, rel, s.known[path])
}

// unopened is a volume of which there is only the name.
func (v *Vault) unopened(rel, why string) *Volume {
	vol := &Volume{Vault: v.root.path, VaultID: v.id, Folder: filepath.Join(v.root.path, rel), broken: true, Found: true}
	vol.ID, _ = idOf(filepath.Base(rel))
	vol.fault(true, "%s", why)
	return vol
}

func (s *scan) fault(rel, format string, args ...any) {
	const most = 100
	if len(s.faults) < most {
		s.faults = append(s.faults, filepath.Join(s.vault.root.path, rel)+": "+fmt.Sprintf(format, args...))
	}
}

// unread notes a directory that cannot be looked at, or is the error for it.
func (s *scan) unread(rel, what string, err error) error {
	if rel == "." || lost(err) {
		return refusal(sdk.Unavailable, "scan vault", filepath.Join(s.vault.root.path, rel), fmt.Sprintf("cannot be %s: %v", what, cause(err)), "")
	}
	s.fault(rel, "cannot be %s: %v", what, cause(err))
	return nil
}

// tree looks at one directory that is no volume. An error is ctx's end, or that there
// may be volumes that cannot be seen: what is not found then may be there.
func (s *scan) tree(ctx context.Context, d *dir, rel string, depth int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	st, err := d.stat()
	if err != nil {
		return s.unread(rel, "read", err)
	}
	id := [2]uint64{st.Dev, st.Ino}
	if other, twice := s.seen[id]; twice {
		s.fault(rel, "is %s again: not searched twice", filepath.Join(s.vault.root.path, other))
		return nil
	}
	s.seen[id] = rel
	s.dirs = append(s.dirs, rel)
	entries, more, err := d.entries(maxInADir)
	if err != nil {
		return s.unread(rel, "read", err)
	}
	if more {
		s.fault(rel, "has more than %d names: the others were not searched", maxInADir)
	}
	for _, e := range entries {
		name := e.Name()
		path := filepath.Join(rel, name)
		_, folder := idOf(name)
		switch {
		case folder && e.IsDir():
			s.folders = append(s.folders, path)
		case folder:
			s.vols = append(s.vols, s.vault.unopened(path, "it is no folder, and links are not followed"))
		case strings.HasPrefix(name, newPrefix) || strings.HasPrefix(name, gonePrefix):
			s.leftovers = append(s.leftovers, path)
		case !e.IsDir() || strings.HasPrefix(name, "."):
		case depth >= maxDepth:
			s.fault(path, "is nested more than %d deep: not searched", maxDepth)
		case len(s.dirs) >= maxDirs:
			s.fault(path, "there are more than %d directories: not searched", maxDirs)
		default:
			if err := s.enter(ctx, d, name, path, depth); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *scan) enter(ctx context.Context, d *dir, name, rel string, depth int) error {
	child, err := d.sub(name)
	if err != nil {
		return s.unread(rel, "opened", err)
	}
	defer child.close()
	return s.tree(ctx, child, rel, depth+1)
}
