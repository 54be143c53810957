package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/sdk"
)

// blockdevs are the arguments that open the chain from the layer id (empty: the
// active file) downwards, for a daemon of a runtime directory.
func (v Volume) blockdevs(dir, id string, readOnly bool) ([]string, error) {
	type file struct {
		path   string
		format Format
	}
	chain, below := []file{{v.active(), v.Layout.Format}}, v.Layout.Below(v.Layout.Parent)
	if id != "" {
		chain, below = nil, v.Layout.Below(id)
	}
	for _, x := range below {
		chain = append(chain, file{v.path(x.ID), x.Format})
	}
	var out []string
	backing := ""
	for i := len(chain) - 1; i >= 0; i-- {
		name, err := alias(dir, chain[i].path)
		if err != nil {
			return nil, err
		}
		n := layerNode(dir, name, chain[i].format, readOnly || i > 0)
		if backing != "" {
			n["backing"] = backing
		}
		out = append(out, "--blockdev", n.json())
		backing = name
	}
	return out, nil
}

// alias lets a daemon open a file by its inode: QEMU opens files again by the name
// that it knows them by, when it begins or ends to write to them, and files here
// change names. The alias, in the daemon's runtime directory, points to the file
// under its present name, and is also the name of the node.
func alias(dir, path string) (string, error) {
	name, err := nodeName(path)
	if err != nil {
		return "", err
	}
	link := filepath.Join(dir, name)
	if to, err := os.Readlink(link); err == nil && to == path {
		return name, nil
	}
	fresh := link + ".new"
	_ = os.Remove(fresh)
	return name, errors.Join(os.Symlink(path, fresh), os.Rename(fresh, link))
}

// layerNode is the node of a file by its alias.
func layerNode(dir, name string, format Format, readOnly bool) node {
	n := fileNode(dir, name, format, readOnly)
	n["node-name"] = name
	n["file"].(node)["node-name"] = fileNodeName(name)
	return n
}

func fileNodeName(name string) string { return "f" + name }

// aliases brings the aliases of all files of a volume up to date.
func (d *Daemon) aliases(v Volume) error {
	for _, id := range append([]string{""}, ids(v.Layout.Layers)...) {
		if _, err := alias(d.dir, v.path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func nodeName(path string) (string, error) {
	st, err := stat(path)
	return fmt.Sprintf("l%d", st.Ino), err
}

// allNodes are the names of the daemon's nodes.
func allNodes(q *qmp) (map[string]bool, error) {
	var all []struct {
		Name string `json:"node-name"`
	}
	if err := q.do("query-named-block-nodes", map[string]any{"flat": true}, &all); err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, n := range all {
		out[n.Name] = true
	}
	return out, nil
}

// topNode is the node on which no other stands: the active file's.
func topNode(q *qmp) (string, error) {
	top, err := topNodes(q)
	if err == nil && len(top) != 1 {
		err = fault(sdk.Unavailable, "open daemon", "", "it has %d active nodes: a change is not finished", len(top))
	}
	if err != nil {
		return "", err
	}
	return top[0], nil
}

// blockGraph is what stands on what, as x-debug-query-block-graph has it.
type blockGraph struct {
	Nodes []struct {
		ID   int    `json:"id"`
		Name string `json:"name"`
		Type string `json:"type"`
	} `json:"nodes"`
	Edges []struct {
		Parent int `json:"parent"`
		Child  int `json:"child"`
	} `json:"edges"`
}

// topNodes are the nodes of volume files on which no other such node stands,
// also not by way of what QEMU puts between them while a job runs.
func topNodes(q *qmp) ([]string, error) {
	var g blockGraph
	if err := q.do("x-debug-query-block-graph", nil, &g); err != nil {
		return nil, err
	}
	children, names := map[int][]int{}, map[int]string{}
	for _, x := range g.Edges {
		children[x.Parent] = append(children[x.Parent], x.Child)
	}
	for _, n := range g.Nodes {
		if n.Type == "block-driver" && strings.HasPrefix(n.Name, "l") {
			names[n.ID] = n.Name
		}
	}
	below := map[int]bool{}
	var mark func(int)
	mark = func(id int) {
		for _, c := range children[id] {
			if !below[c] {
				below[c] = true
				mark(c)
			}
		}
	}
	for id := range names {
		mark(id)
	}
	var top []string
	for id, name := range names {
		if !below[id] {
			top = append(top, name)
		}
	}
	return top, nil
}

// prune closes what nothing stands on any more, but for the node keep.
func (d *Daemon) prune(ctx context.Context, keep string) error {
	return d.with(ctx, opChange, func(q *qmp) error {
		for {
			top, err := topNodes(q)
			if err != nil {
				return err
			}
			top = slices.DeleteFunc(top, func(name string) bool { return name == keep })
			if len(top) == 0 {
				return nil
			}
			for _, name := range top {
				if err := q.do("blockdev-del", map[string]any{"node-name": name}, nil); err != nil {
					return err
				}
			}
		}
	})
}

// forget closes a node on which nothing stands, if it is there.
func (d *Daemon) forget(ctx context.Context, name string) error {
	return d.with(ctx, opChange, func(q *qmp) error {
		nodes, err := allNodes(q)
		if err != nil {
			return err
		}
		if !nodes[name] {
			return nil
		}
		return q.do("blockdev-del", map[string]any{"node-name": name}, nil)
	})
}

// apart reports whether nothing stands on a node, or it is not there.
func apart(q *qmp, name string) (bool, error) {
	nodes, err := allNodes(q)
	if err != nil {
		return false, err
	}
	top, err := topNodes(q)
	return !nodes[name] || slices.Contains(top, name), err
}
