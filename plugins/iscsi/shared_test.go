package iscsi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// nfsURL is a path of a connection for the tools of libnfs.
func nfsURL(t *testing.T, c *pb.Connection, path string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(c.GetNfs().GetServer())
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("nfs://%s%s%s?version=4&nfsport=%s", host, c.GetNfs().GetExport(), path, port)
}

// Of a shareable volume two machines write at the same time, each by a way of its
// own; who is taken off sees nothing any more, and the other goes on.
func TestShared(t *testing.T) {
	t.Parallel()
	needs(t, "ganesha.nfsd", "nfs-ls", "nfs-cp")
	port := freePorts(t)
	s := newSite(t, map[string]any{"nfs_address": fmt.Sprintf("127.0.0.1:%d", port), "nfs_clients": []string{"127.0.0.1"}})
	p := s.provider(Hooks{})
	t.Cleanup(func() { _ = p.store.shares.Stop(context.Background()) })
	var req *pb.CreateVolumeRequest
	spec := &pb.VolumeSpec{SizeBytes: 1 << 27, Shareable: true}
	err := p.OfferVolume(t.Context(), &pb.OfferVolumeRequest{Spec: spec, ForHours: 1}, func(r *pb.OfferVolumeResponse) error {
		for _, o := range r.GetOffers() {
			req = &pb.CreateVolumeRequest{Owner: owner(), Name: "v1", Spec: spec, Offer: o}
		}
		return nil
	})
	if err != nil || req == nil {
		t.Fatal(err)
	}
	v := until(t, p, req)
	guest := &pb.Consumer{Kinds: []pb.ConnectionKind{pb.ConnectionKind_CONNECTION_KIND_NFS}, Host: "h1"}
	if _, err := p.Export(t.Context(), export(req.GetOwner(), v.GetId(), "none", guest)); sdk.KindOf(err) != sdk.Unsupported {
		t.Errorf("to a machine that is not told what to mount: %v, want Unsupported", err)
	}
	guest.GuestMounts = true
	var ways []*pb.Connection
	for _, id := range []string{"m1", "m2"} {
		x, err := p.Export(t.Context(), export(req.GetOwner(), v.GetId(), id, guest))
		if err != nil {
			t.Fatal(err)
		}
		ways = append(ways, x.GetConnection())
	}
	file := filepath.Join(t.TempDir(), "hello")
	if err := os.WriteFile(file, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("nfs-cp", file, nfsURL(t, ways[0], "/hello")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := exec.Command("nfs-ls", nfsURL(t, ways[1], "/")).CombinedOutput(); err != nil || !bytes.Contains(out, []byte("hello")) {
		t.Errorf("%v: %s", err, out)
	}
	if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "m1"}); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("nfs-ls", nfsURL(t, ways[0], "/")).CombinedOutput(); err == nil && bytes.Contains(out, []byte("hello")) {
		t.Errorf("after it was taken off: %s", out)
	}
	if out, err := exec.Command("nfs-ls", nfsURL(t, ways[1], "/")).CombinedOutput(); err != nil || !bytes.Contains(out, []byte("hello")) {
		t.Errorf("the other one: %v: %s", err, out)
	}
	if _, err := p.CreateSnapshot(t.Context(), &pb.CreateSnapshotRequest{Owner: owner(), VolumeId: v.GetId(), Name: "s"}); sdk.KindOf(err) != sdk.Unsupported {
		t.Errorf("a snapshot: %v, want Unsupported", err)
	}
	if err := p.DeleteVolume(t.Context(), &pb.DeleteVolumeRequest{Owner: req.GetOwner()}); sdk.KindOf(err) != sdk.Busy {
		t.Errorf("deleted in use: %v, want Busy", err)
	}
	s.empty(p)
}

// One volume in two vaults is one volume: the place that was written last is the
// one that is written, the other is shown beside it as a place of it.
func TestOneVolumeInTwoVaults(t *testing.T) {
	t.Parallel()
	needs(t, "tgtd", "qemu-img")
	other := filepath.Join(t.TempDir(), "other")
	if err := os.Mkdir(other, 0o755); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, map[string]any{"vaults": []map[string]any{{"path": other}}})
	p := s.provider(Hooks{})
	req, v := filled(t, p, "raw")
	if !strings.HasPrefix(v.GetPlace(), s.vault) {
		t.Fatalf("made in %s", v.GetPlace())
	}
	if out, err := exec.Command("cp", "-a", v.GetPlace(), other).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if all := listed(t, p, ""); len(all) != 2 || all[v.GetId()] == nil || all[v.GetId()+"@other"] == nil {
		t.Errorf("%v, want the volume and its other place", all)
	}
	if all := listed(t, p, req.GetOwner().GetBroker()); len(all) != 1 {
		t.Errorf("%v, want one volume of the broker", all)
	}
	// Of copies that were never written the first vault's is taken; then it is newer.
	x, err := p.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a1", here()))
	if err != nil || !strings.HasPrefix(x.GetConnection().GetFile().GetFile(), s.vault) || x.GetEpoch() != 1 {
		t.Fatalf("%v, %v", x, err)
	}
	if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "a1"}); err != nil {
		t.Fatal(err)
	}
	// The other one is written elsewhere, later.
	raise(t, filepath.Join(other, filepath.Base(v.GetPlace()), "meta.json"), 7)
	now, err := p.GetVolume(t.Context(), &pb.GetVolumeRequest{Id: v.GetId()})
	if err != nil || !strings.HasPrefix(now.GetPlace(), other) || now.GetEpoch() != 7 || !strings.Contains(now.GetMessage(), s.vault) {
		t.Errorf("%v, %v", now, err)
	}
	x, err = p.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a2", here()))
	if err != nil || !strings.HasPrefix(x.GetConnection().GetFile().GetFile(), other) || x.GetEpoch() != 8 {
		t.Errorf("%v, %v", x, err)
	}
	if _, err := p.Export(t.Context(), export(owner(), v.GetId(), "a3", there(1))); sdk.KindOf(err) != sdk.Busy {
		t.Errorf("a second writer: %v, want Busy", err)
	}
}

// raise sets the epoch in a volume's metadata, as another server that has the vault
// would have done.
func raise(t *testing.T, path string, epoch int) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var meta map[string]any
	if err := json.Unmarshal(text, &meta); err != nil {
		t.Fatal(err)
	}
	own, ok := meta["meson"].(map[string]any)
	if !ok {
		t.Fatalf("no part of Meson's in %v", slices.Sorted(keysOf(meta)))
	}
	own["epoch"] = epoch
	if text, err = json.Marshal(meta); err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func keysOf(m map[string]any) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}
