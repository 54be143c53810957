package iscsi

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// mounter is a machine whose guest mounts what it is told.
func mounter() *pb.Consumer {
	return &pb.Consumer{Kinds: []pb.ConnectionKind{pb.ConnectionKind_CONNECTION_KIND_NFS}, Host: "h1", GuestMounts: true}
}

// directory makes a shareable volume with a file in it.
func directory(t *testing.T, p *Provider) *pb.Volume {
	t.Helper()
	var req *pb.CreateVolumeRequest
	spec := &pb.VolumeSpec{SizeBytes: 1 << 27, Shareable: true}
	err := p.OfferVolume(t.Context(), &pb.OfferVolumeRequest{Spec: spec, ForHours: 1}, func(r *pb.OfferVolumeResponse) error {
		for _, o := range r.GetOffers() {
			req = &pb.CreateVolumeRequest{Owner: owner(), Name: "v1", Spec: spec, Offer: o}
		}
		return nil
	})
	if err != nil || req == nil {
		t.Fatalf("no offer, %v", err)
	}
	v := until(t, p, req)
	if err := os.WriteFile(filepath.Join(v.GetPlace(), "data", "hello"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return v
}

func mounts(t *testing.T, c *pb.Connection) bool {
	t.Helper()
	out, err := exec.Command("nfs-ls", nfsURL(t, c, "/")).CombinedOutput()
	return err == nil && bytes.Contains(out, []byte("hello"))
}

// Two providers that have different vaults and one NFS server leave each other's
// directories alone, also while a vault cannot be read, and end their own.
func TestTwoProvidersOfOneNFSServer(t *testing.T) {
	t.Parallel()
	needs(t, "ganesha.nfsd", "nfs-ls")
	nfs := map[string]any{"nfs_address": fmt.Sprintf("127.0.0.1:%d", freePorts(t)), "nfs_clients": []string{"127.0.0.1"}}
	first, second := newSite(t, nfs), newSite(t, nfs)
	second.settings["runtime_dir"] = first.runtime
	p, q := first.provider(Hooks{}), second.provider(Hooks{})
	t.Cleanup(func() { _ = p.store.shares.Stop(context.Background()) })
	v, w := directory(t, p), directory(t, q)
	x, err := p.Export(t.Context(), export(owner(), v.GetId(), "m1", mounter()))
	if err != nil {
		t.Fatal(err)
	}
	y, err := q.Export(t.Context(), export(owner(), w.GetId(), "m2", mounter()))
	if err != nil {
		t.Fatal(err)
	}
	if !mounts(t, x.GetConnection()) || !mounts(t, y.GetConnection()) {
		t.Error("not both are served")
	}

	// The first vault is not there for a while.
	id := filepath.Join(first.vault, ".meson", "id")
	if err := os.Rename(id, id+".away"); err != nil {
		t.Fatal(err)
	}
	if err := p.store.serveShares(t.Context(), nil, nil); err != nil {
		t.Error(err)
	}
	if !mounts(t, x.GetConnection()) {
		t.Error("what a vault has that cannot be read is not served any more")
	}
	if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: "gone", AttachmentId: "m1"}); err == nil {
		t.Error("an end of what cannot be found is reported")
	}
	if err := os.Rename(id+".away", id); err != nil {
		t.Fatal(err)
	}

	// At another address they would take the server from each other.
	second.settings["nfs_address"] = fmt.Sprintf("127.0.0.1:%d", freePorts(t))
	if _, err := second.provider(Hooks{}).Export(t.Context(), export(owner(), w.GetId(), "m3", mounter())); sdk.KindOf(err) != sdk.Conflict {
		t.Errorf("at another address: %v, want Conflict", err)
	}
	if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "m1"}); err != nil {
		t.Fatal(err)
	}
	if mounts(t, x.GetConnection()) {
		t.Error("the first is not ended")
	}
	// nfs-ls does not ask twice, as a client does that is told to wait.
	for begun := time.Now(); !mounts(t, y.GetConnection()); time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > 5*time.Second {
			t.Fatal("the second is not served")
		}
	}
}

// An export that the NFS server refuses fails, and says why.
func TestRefusedByNFSServer(t *testing.T) {
	t.Parallel()
	needs(t, "ganesha.nfsd", "nfs-ls")
	s := newSite(t, map[string]any{"nfs_address": fmt.Sprintf("127.0.0.1:%d", freePorts(t)), "nfs_clients": []string{"127.0.0.1"}})
	p := s.provider(Hooks{})
	t.Cleanup(func() { _ = p.store.shares.Stop(context.Background()) })
	v := directory(t, p)
	data := filepath.Join(v.GetPlace(), "data")
	if err := unix.Mount("/proc", data, "", unix.MS_BIND, ""); err != nil {
		lacks(t, "nothing can be mounted: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(data, unix.MNT_DETACH) })
	x, err := p.Export(t.Context(), export(owner(), v.GetId(), "m1", mounter()))
	if sdk.KindOf(err) != sdk.Unsupported {
		t.Errorf("%v, %v: want Unsupported", x, err)
	}
	if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "m1"}); err != nil {
		t.Error(err)
	}
}
