package sdktest

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

func openMem(t *testing.T, config string) *MemProvider {
	t.Helper()
	c, err := sdk.DecodeConfig[MemConfig]([]byte(config), nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := OpenMem("m", c, quietLog())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func memRequest(key string) *pb.CreateRequest {
	return &pb.CreateRequest{
		Owner: &pb.Owner{Broker: "b", Allocation: "a", Key: key, Request: "r"}, Name: "web1",
		Pledge: fitting(), Offer: &pb.Offer{Id: "zone-a/x", Zone: "zone-a"},
	}
}

func TestMemFaults(t *testing.T) {
	for _, tt := range []struct {
		fault string
		want  sdk.Kind
		scope sdk.Scope
		left  int // machines
	}{
		{"exhausted capacity", sdk.Exhausted, sdk.ScopeCapacity, 0},
		{"exhausted quota x1", sdk.Exhausted, sdk.ScopeQuota, 0},
		{"denied", sdk.Denied, "", 0},
		{"throttled 2s", sdk.Throttled, "", 0},
		{"uncertain after effect", sdk.Uncertain, "", 1},
	} {
		dir := t.TempDir()
		m := openMem(t, fmt.Sprintf(`{"state_dir":%q,"faults":{"create":%q}}`, dir, tt.fault))
		_, err := m.Create(t.Context(), memRequest("k"))
		e, ok := errors.AsType[*sdk.Error](err)
		if !ok || e.Kind != tt.want || e.Scope != tt.scope {
			t.Errorf("%s: %v", tt.fault, err)
		}
		// Another process on the same directory sees the same.
		n := 0
		err = openMem(t, fmt.Sprintf(`{"state_dir":%q}`, dir)).List(t.Context(), &pb.ListRequest{Broker: "b"}, func(*pb.Instance) error { n++; return nil })
		if err != nil || n != tt.left {
			t.Errorf("%s: %d machines are left, want %d (%v)", tt.fault, n, tt.left, err)
		}
		_, err = m.Create(t.Context(), memRequest("k"))
		if once := tt.fault == "exhausted quota x1"; (err == nil) != once {
			t.Errorf("%s: the second time %v", tt.fault, err)
		}
	}
}

func TestMemCapacity(t *testing.T) {
	m := openMem(t, `{"capacity":1}`)
	if _, err := m.Create(t.Context(), memRequest("k1")); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Create(t.Context(), memRequest("k2")); sdk.KindOf(err) != sdk.Exhausted {
		t.Errorf("%v, want Exhausted", err)
	}
	err := m.Offer(t.Context(), &pb.OfferRequest{Pledge: fitting(), ForHours: 1}, func(r *pb.OfferResponse) error {
		if len(r.GetOffers()) != 0 || len(r.GetReasons()) != 1 {
			t.Errorf("a full zone answers %v", r)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestMemConfigFaults(t *testing.T) {
	_, err := sdk.DecodeConfig[MemConfig]([]byte(`{"core_price":"0","faults":{"create":"explode","fly":"die"},"zones":[{"name":"a"},{"name":"a"}]}`), nil)
	e, ok := errors.AsType[*sdk.Error](err)
	if !ok || len(e.Faults) != 4 {
		t.Errorf("%v", err)
	}
}

func TestMemBoots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := openMem(t, `{"boot":"5m"}`)
		i, err := m.Create(t.Context(), memRequest("k"))
		if err != nil || i.GetState() != pb.InstanceState_INSTANCE_STATE_CREATING {
			t.Fatalf("%v, %v", i, err)
		}
		time.Sleep(5 * time.Minute)
		i, err = m.Create(t.Context(), memRequest("k"))
		if err != nil || i.GetState() != pb.InstanceState_INSTANCE_STATE_RUNNING {
			t.Fatalf("%v, %v", i, err)
		}
	})
}
