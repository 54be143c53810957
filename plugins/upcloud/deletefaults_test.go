package upcloud

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	emulator "github.com/mesoncloud/meson/lab/emulator/upcloud"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// Whatever goes wrong once in a removal, it ends with nothing left: by itself, or
// after an error that says what to do and a second one.
func TestFaultsOfDelete(t *testing.T) {
	kinds := []emulator.FaultKind{
		emulator.FaultThrottled, emulator.FaultServerErrorBefore, emulator.FaultServerErrorAfter, emulator.FaultResetBefore,
		emulator.FaultResetAfter, emulator.FaultMalformed, emulator.FaultUnauthorized, emulator.FaultForbidden,
	}
	for _, op := range []emulator.Operation{"list_servers", "get_server", "stop_server", "detach_storage", "delete_server", "list_storages"} {
		for _, kind := range kinds {
			t.Run(string(op)+"/"+string(kind), func(t *testing.T) {
				t.Parallel()
				cl := newCloud(t, quick())
				p := cl.provider(t, Hooks{})
				req := order1(t, p, nil)
				in := until1(t, p, req)
				volume := cl.volume(t, p, in.GetZone())
				if _, err := p.Attach(t.Context(), attachment(in, "data", volume)); err != nil {
					t.Fatal(err)
				}
				f := emulator.Fault{Kind: kind, Operation: op, Count: 1}
				if kind == emulator.FaultThrottled {
					f.Delay = time.Second
				}
				cl.Faults().Add(f)
				err := p.Delete(t.Context(), &pb.DeleteRequest{Owner: req.GetOwner()})
				denied := kind == emulator.FaultUnauthorized || kind == emulator.FaultForbidden
				switch {
				case denied && sdk.KindOf(err) != sdk.Denied:
					t.Errorf("%v, want Denied", err)
				case !denied && err != nil && !passing(err):
					t.Errorf("%v: want none, or one that says to try again", err)
				case cl.Faults().List()[0].Hits != 1:
					t.Error("the fault was not met")
				}
				if err != nil {
					remove1(t, p, req)
				}
				cl.onlyVolume(t, p, volume)
			})
		}
	}
}

// A guest that heeds nothing is stopped all the same: by UpCloud after the time
// that it was told.
func TestDeafGuest(t *testing.T) {
	t.Parallel()
	cl := newCloud(t, quick())
	p := cl.provider(t, Hooks{})
	for _, what := range []string{"delete", "stop"} {
		req := order1(t, p, nil)
		in := until1(t, p, req)
		cl.Faults().Add(emulator.Fault{Kind: emulator.FaultDeafGuest})
		if what == "stop" {
			stop := &pb.SetPowerRequest{Id: in.GetId(), Action: pb.SetPowerRequest_ACTION_STOP}
			now, err := p.SetPower(t.Context(), stop)
			if err != nil || now.GetState() != pb.InstanceState_INSTANCE_STATE_STOPPING {
				t.Errorf("stop: %v, %v; want stopping", now.GetState(), err)
			}
			becomes(t, p, in.GetId(), pb.InstanceState_INSTANCE_STATE_STOPPED)
		}
		remove1(t, p, req)
		cl.empty(t)
	}
}

// Should UpCloud not pull the plug, the removal does.
func TestPlugIsPulled(t *testing.T) {
	t.Parallel()
	cl := newCloud(t, quick())
	var soft, hard atomic.Int32
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/stop") {
			cl.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if strings.Contains(string(body), "soft") {
			soft.Add(1)
			reply(http.StatusOK, "application/json", `{"server":{}}`)(w, r)
			return
		}
		hard.Add(1)
		r.Body = io.NopCloser(bytes.NewReader(body))
		cl.ServeHTTP(w, r)
	}))
	t.Cleanup(web.Close)
	p := hasty(provider(t, web.URL, nil, Hooks{}))
	req := order1(t, p, nil)
	until1(t, p, req)
	remove1(t, p, req)
	if soft.Load() != 1 || hard.Load() < 1 {
		t.Errorf("%d soft and %d hard stops", soft.Load(), hard.Load())
	}
	cl.empty(t)
}
