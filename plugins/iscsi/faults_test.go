package iscsi

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/plugins/iscsi/image"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// daemonOf is the process of a storage daemon's directory, 0 without one.
func daemonOf(t *testing.T, dir string) int {
	t.Helper()
	d, err := image.New(image.Options{}).Find(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if d == nil {
		return 0
	}
	return d.Process()
}

// A full disk refuses what does not fit, leaves nothing of it, and everything else
// as it was.
func TestFullDisk(t *testing.T) {
	needs(t, "qemu-img", "qemu-storage-daemon")
	small := filepath.Join(t.TempDir(), "small")
	if err := os.Mkdir(small, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", small, "tmpfs", 0, "size=16m"); err != nil {
		lacks(t, "no tmpfs can be mounted: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(small, unix.MNT_DETACH) })
	s := newSite(t, map[string]any{"path": small, "overcommit_percent": 10000})
	p := s.provider(Hooks{})
	req, _ := filled(t, p, "raw")
	large := order(t, p, "raw", 1<<27)
	_, err := p.ImportVolume(t.Context(), &pb.ImportVolumeHeader{
		Owner: large.GetOwner(), Name: "large", Spec: large.GetSpec(), Offer: large.GetOffer(), Format: "raw",
	}, bytes.NewReader(bytes.Repeat([]byte{1}, 32<<20)))
	if e, ok := err.(*sdk.Error); !ok || e.Kind != sdk.Exhausted || e.Scope != sdk.ScopeCapacity {
		t.Errorf("more than the disk has: %v, want Exhausted for capacity", err)
	}
	holdsStamp(req)(t, p)
	s.vault = small
	s.empty(p)
}

// By default no more is promised than there is, and the no says what would fit.
func TestOffersNoMoreThanThereIs(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]any{"overcommit_percent": 100})
	p := s.provider(Hooks{})
	var st unix.Statfs_t
	if err := unix.Statfs(s.vault, &st); err != nil {
		t.Fatal(err)
	}
	var answer *pb.OfferVolumeResponse
	err := p.OfferVolume(t.Context(), &pb.OfferVolumeRequest{Spec: &pb.VolumeSpec{SizeBytes: st.Blocks * uint64(st.Bsize)}, ForHours: 1}, func(r *pb.OfferVolumeResponse) error {
		answer = r
		return nil
	})
	if err != nil || len(answer.GetOffers()) > 0 || len(answer.GetReasons()) != 1 || !strings.HasPrefix(answer.GetReasons()[0].GetRelax(), "size_gib=") {
		t.Errorf("%v, %v", answer, err)
	}
}

// settings.json binds brokers that create at the same time.
func TestLimitsUnderConcurrency(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-img")
	s := newSite(t, nil)
	if err := os.WriteFile(filepath.Join(s.vault, "settings.json"), []byte(`{"max-volumes": 5, "max-size": 1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	providers := []*Provider{s.provider(Hooks{}), s.provider(Hooks{})}
	var requests []*pb.CreateVolumeRequest
	for range 10 {
		requests = append(requests, order(t, providers[0], "raw", 1<<27))
	}
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		kinds = map[sdk.Kind]int{}
	)
	for i, req := range requests {
		wg.Go(func() {
			_, err := providers[i%2].CreateVolume(t.Context(), req)
			mu.Lock()
			defer mu.Unlock()
			kinds[sdk.KindOf(err)]++
		})
	}
	wg.Wait()
	if kinds[""] != 5 || kinds[sdk.Exhausted] != 5 {
		t.Errorf("%v, want five made and five Exhausted", kinds)
	}
	s.empty(providers[1])
}

// Folders that are damaged, half-written, foreign or there twice are listed with what
// is wrong, and not touched.
func TestDamagedFolders(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-img")
	s := newSite(t, nil)
	const good = `{"size": 0.125, "name": "old", "bootable": false, "private": false, "shareable": false, "readonly": false}`
	s.write("half.elimg/meta.json", `{"size": 0.1`)
	s.write("nodata.elimg/meta.json", good)
	s.write("a/twice.elimg/meta.json", good)
	s.write("a/twice.elimg/data.img", strings.Repeat("\x00", 1<<20))
	s.write("b/twice.elimg/meta.json", good)
	s.write("b/twice.elimg/data.img", strings.Repeat("\x00", 1<<20))
	s.write("vid.0123456789abcdef0123456789abcdef.elimg/volumefile", good)
	whole := filepath.Join(s.vault, "vid.0123456789abcdef0123456789abcdef.elimg", "disk.img")
	s.write("vid.0123456789abcdef0123456789abcdef.elimg/disk.img", "")
	if err := os.Truncate(whole, 1<<27); err != nil {
		t.Fatal(err)
	}
	p := s.provider(Hooks{})
	faults := map[string]int{}
	err := p.ListVolumes(t.Context(), &pb.ListVolumesRequest{}, func(v *pb.Volume) error {
		faults[v.GetId()] += len(v.GetFaults())
		return nil
	})
	if err != nil || faults["half"] == 0 || faults["nodata"] == 0 || faults["twice"] == 0 {
		t.Errorf("faults %v, %v", faults, err)
	}
	if n, listed := faults["0123456789abcdef0123456789abcdef"]; !listed || n > 0 {
		t.Errorf("a volume of others is listed %v, with %d faults", listed, n)
	}
	for _, id := range []string{"half", "nodata", "twice"} {
		if _, err := p.Export(t.Context(), export(owner(), id, "a1", here())); err == nil {
			t.Errorf("%s was exported", id)
		}
		if err := p.DeleteVolume(t.Context(), &pb.DeleteVolumeRequest{Id: id}); err == nil {
			t.Errorf("%s was deleted", id)
		}
	}
	if _, err := os.Stat(filepath.Join(s.vault, "half.elimg", "meta.json")); err != nil {
		t.Error(err)
	}
	// What others made, whole, is used like our own.
	x, err := p.Export(t.Context(), export(owner(), "0123456789abcdef0123456789abcdef", "a1", here()))
	if err != nil || x.GetConnection().GetFile().GetFile() != whole || x.GetConnection().GetFile().GetFormat() != "raw" {
		t.Errorf("%v, %v", x, err)
	}
}

// A vault of another user is refused when it is opened.
func TestVaultThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	config, err := sdk.DecodeConfig[Config]([]byte(`{"path":"/no/such/vault","free":true}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openStore(t.Context(), config, nil, nil); sdk.KindOf(err) != sdk.Invalid || !strings.Contains(err.Error(), "/no/such/vault") {
		t.Errorf("%v, want Invalid with the path", err)
	}
}
