package sdk

import (
	"testing"

	"github.com/mesoncloud/meson/sdk/pb"
)

// Who reaches what: every condition of an exposure that is set must be met.
func TestUnreachable(t *testing.T) {
	const (
		file, iscsi, nfs, native = pb.ConnectionKind_CONNECTION_KIND_FILE, pb.ConnectionKind_CONNECTION_KIND_ISCSI,
			pb.ConnectionKind_CONNECTION_KIND_NFS, pb.ConnectionKind_CONNECTION_KIND_NATIVE
	)
	host := &pb.Consumer{Kinds: []pb.ConnectionKind{file, iscsi, nfs}, Host: "h1", Networks: []string{"san"}}
	cloud := &pb.Consumer{Kinds: []pb.ConnectionKind{native}, Provider: "up", Zone: "z1"}
	for _, tt := range []struct {
		what     string
		exposure *pb.Exposure
		from     *pb.Consumer
		reaches  bool
	}{
		{"a file on the same host", &pb.Exposure{Kind: file, Host: "h1"}, host, true},
		{"a file on another host", &pb.Exposure{Kind: file, Host: "h2"}, host, false},
		{"iscsi from everywhere", &pb.Exposure{Kind: iscsi}, host, true},
		{"iscsi on its network", &pb.Exposure{Kind: iscsi, Network: "san"}, host, true},
		{"iscsi on another network", &pb.Exposure{Kind: iscsi, Network: "lan"}, host, false},
		{"a kind that it lacks", &pb.Exposure{Kind: iscsi}, cloud, false},
		{"nfs that nobody mounts", &pb.Exposure{Kind: nfs}, host, false},
		{"native", &pb.Exposure{Kind: native, Provider: "up", Zone: "z1"}, cloud, true},
		{"native of another zone", &pb.Exposure{Kind: native, Provider: "up", Zone: "z2"}, cloud, false},
		{"native of another provider", &pb.Exposure{Kind: native, Provider: "down", Zone: "z1"}, cloud, false},
		{"no consumer", &pb.Exposure{Kind: file}, nil, false},
	} {
		if why := Unreachable(tt.exposure, tt.from); (why == "") != tt.reaches {
			t.Errorf("%s: %q", tt.what, why)
		}
	}
}

func TestReachTakesTheBestWay(t *testing.T) {
	const file, iscsi = pb.ConnectionKind_CONNECTION_KIND_FILE, pb.ConnectionKind_CONNECTION_KIND_ISCSI
	all := []*pb.Exposure{{Kind: iscsi, Rank: 1}, {Kind: file, Host: "h1"}}
	from := &pb.Consumer{Kinds: []pb.ConnectionKind{file, iscsi}, Host: "h1"}
	if best, _ := Reach(all, from, nil); best.GetKind() != file {
		t.Errorf("on the host itself it is %v", best)
	}
	if best, _ := Reach(all, from, []pb.ConnectionKind{iscsi}); best.GetKind() != iscsi {
		t.Errorf("asked for iscsi it is %v", best)
	}
	from.Host = "h2"
	if best, _ := Reach(all, from, nil); best.GetKind() != iscsi {
		t.Errorf("from elsewhere it is %v", best)
	}
	if best, why := Reach(all, &pb.Consumer{}, nil); best != nil || len(why) != 2 {
		t.Errorf("from nowhere it is %v, %v", best, why)
	}
}

func TestKindNames(t *testing.T) {
	for _, name := range []string{"file", "iscsi", "nbd", "nfs", "rbd", "native"} {
		if k, ok := KindNamed(name); !ok || KindName(k) != name {
			t.Errorf("%s is %v", name, k)
		}
	}
	if _, ok := KindNamed("unspecified"); ok {
		t.Error("unspecified is a kind")
	}
}
