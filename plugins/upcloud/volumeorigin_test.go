package upcloud

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	emulator "github.com/mesoncloud/meson/lab/emulator/upcloud"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// image serves bytes; it gives the address and the sum.
func image(t *testing.T) (url, sum string) {
	t.Helper()
	data := []byte(strings.Repeat("boot", 4096))
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/image" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(data)
	}))
	t.Cleanup(web.Close)
	hash := sha256.Sum256(data)
	return web.URL, hex.EncodeToString(hash[:])
}

// An image is fetched and compared; one that is not what was meant leaves nothing.
func TestVolumeFromImage(t *testing.T) {
	t.Parallel()
	url, sum := image(t)
	for _, c := range []struct {
		name, url, sum string
		kind           sdk.Kind
	}{
		{"right", url + "/image", sum, ""},
		{"any", url + "/image", "", ""},
		{"another sum", url + "/image", strings.Repeat("0", 64), sdk.Invalid},
		{"not there", url + "/nothing", sum, sdk.Invalid},
		{"a file", "file:///etc/passwd", sum, sdk.Invalid},
		{"a password", "https://me:secret@example.com/image", sum, sdk.Invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cl := newCloud(t, quick())
			p := cl.provider(t, Hooks{})
			req := volumeOrder1(t, p, 10<<30)
			req.Origin = &pb.CreateVolumeRequest_Image{Image: &pb.ImageOrigin{Url: c.url, Sha256: c.sum}}
			var err error
			for range 1000 {
				var v *pb.Volume
				if v, err = p.CreateVolume(t.Context(), req); err != nil && !passing(err) || v.GetState() == pb.VolumeState_VOLUME_STATE_AVAILABLE {
					break
				}
				time.Sleep(5 * time.Millisecond)
			}
			if sdk.KindOf(err) != c.kind {
				t.Fatalf("%v, want %q", err, c.kind)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the password is told: %v", err)
			}
			if c.kind == "" {
				if n := cl.Stats().Requests["create_import"]; n != 1 {
					t.Errorf("%d imports, want 1", n)
				}
				removeVolume(t, p, req)
			}
			cl.empty(t)
		})
	}
}

// A copy of a volume, and of a backup, as large as was asked.
func TestVolumeCopies(t *testing.T) {
	t.Parallel()
	cl := newCloud(t, quick())
	p := cl.provider(t, Hooks{})
	first := volumeOrder1(t, p, 10<<30)
	v := untilAvailable(t, p, first)
	backup, err := p.api.CreateBackup(t.Context(), &request.CreateBackupRequest{UUID: v.GetId(), Title: "yesterday"})
	if err != nil {
		t.Fatal(err)
	}
	for name, set := range map[string]func(*pb.CreateVolumeRequest){
		"a volume": func(r *pb.CreateVolumeRequest) { r.Origin = &pb.CreateVolumeRequest_VolumeId{VolumeId: v.GetId()} },
		"a backup": func(r *pb.CreateVolumeRequest) {
			r.Origin = &pb.CreateVolumeRequest_SnapshotId{SnapshotId: backup.UUID}
		},
	} {
		req := volumeOrder1(t, p, 12<<30)
		set(req)
		var made *pb.Volume
		insist(t, name, func() (bool, error) {
			var err error
			made, err = p.CreateVolume(t.Context(), req)
			return made.GetState() == pb.VolumeState_VOLUME_STATE_AVAILABLE, err
		})
		if made.GetSpec().GetSizeBytes() != 12<<30 || made.GetOwner().GetKey() != req.GetOwner().GetKey() {
			t.Errorf("%s: %v", name, made)
		}
		if n := len(listVolumes(t, p, req.GetOwner().GetBroker())); n != 1 {
			t.Errorf("%s: %d volumes, want 1", name, n)
		}
		removeVolume(t, p, req)
	}
	if err := p.api.DeleteStorage(t.Context(), &request.DeleteStorageRequest{UUID: backup.UUID}); err != nil {
		t.Error(err)
	}
	removeVolume(t, p, first)
	cl.empty(t)
}

// Answers about a new volume that are lost are found, refusals are told as they
// are, and the end is seen by who watches.
func TestFaultsOfCreateVolume(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind  emulator.FaultKind
		first sdk.Kind
		scope sdk.Scope
	}{
		{emulator.FaultCapacity, sdk.Exhausted, sdk.ScopeCapacity},
		{emulator.FaultCredits, sdk.Exhausted, sdk.ScopeFunds},
		{emulator.FaultUnauthorized, sdk.Denied, ""},
		{emulator.FaultThrottled, sdk.Throttled, ""},
		{emulator.FaultResetBefore, sdk.Uncertain, ""},
		{emulator.FaultResetAfter, sdk.Uncertain, ""},
		{emulator.FaultServerErrorAfter, sdk.Uncertain, ""},
		{emulator.FaultMalformed, sdk.Uncertain, ""},
	} {
		t.Run(string(c.kind), func(t *testing.T) {
			t.Parallel()
			cl := newCloud(t, quick())
			p := cl.provider(t, Hooks{})
			req := volumeOrder1(t, p, 10<<30)
			cl.Faults().Add(emulator.Fault{Kind: c.kind, Operation: "create_storage", Count: 1})
			if _, err := p.CreateVolume(t.Context(), req); sdk.KindOf(err) != c.first {
				t.Errorf("%v, want %s", err, c.first)
			}
			v := untilAvailable(t, p, req)
			watched := make(chan pb.VolumeState, 10)
			go func() {
				defer close(watched)
				_ = p.WatchVolume(contextFor(t, 10), &pb.GetVolumeRequest{Id: v.GetId()}, func(v *pb.Volume) error {
					watched <- v.GetState()
					return nil
				})
			}()
			if s := <-watched; s != pb.VolumeState_VOLUME_STATE_AVAILABLE {
				t.Errorf("watched: %v", s)
			}
			removeVolume(t, p, req)
			last := pb.VolumeState_VOLUME_STATE_UNSPECIFIED
			for s := range watched {
				last = s
			}
			if last != pb.VolumeState_VOLUME_STATE_GONE {
				t.Errorf("the last word is %v", last)
			}
			cl.empty(t)
		})
	}
}
