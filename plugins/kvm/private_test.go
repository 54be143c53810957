package kvm

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk/pb"
)

// privateLab is a lab of this test process alone, for what others must not see:
// a host that is filled up, stopped or crashed.
type privateLab struct {
	once sync.Once
	dir  string
	err  error
}

// private is started by the first test that needs it and stopped by TestMain.
var private privateLab

// privateHost gives a lab with one host of its own.
func privateHost(tb testing.TB) lab {
	tb.Helper()
	l := theLab(tb)
	private.once.Do(func() { private.err = private.start(l) })
	if private.err != nil {
		if required("kvm") {
			tb.Fatal(private.err)
		}
		tb.Skip(private.err)
	}
	out, err := private.kvm("env")
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(out) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			l[k] = strings.Trim(v, `"`)
		}
	}
	return l
}

func (p *privateLab) start(l lab) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("a lab of one's own needs root")
	}
	// Below the lab's own directory, where make lab-down finds what a killed test leaves.
	dir, err := os.MkdirTemp(l["MESON_LAB_STATE"], "own-")
	if err != nil {
		return err
	}
	p.dir = dir
	// What QEMU can do need not be found out again.
	caches, _ := filepath.Glob(filepath.Join(l["MESON_LAB_STATE"], "cache", "libvirt-capabilities-*"))
	for _, c := range caches {
		if err := os.CopyFS(filepath.Join(dir, "cache", filepath.Base(c)), os.DirFS(c)); err != nil {
			return err
		}
	}
	_, err = p.kvm("start", "1")
	return err
}

// kvm runs lab/kvm on the private lab.
func (p *privateLab) kvm(args ...string) (string, error) {
	cmd := exec.Command(filepath.Join("..", "..", "lab", "kvm"), args...)
	cmd.Env = append(os.Environ(), "MESON_LAB_DIR="+p.dir)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("lab/kvm %s: %w\n%s", strings.Join(args, " "), err, errs.String())
	}
	return string(out), nil
}

func (p *privateLab) stop() {
	if p.dir == "" {
		return
	}
	if _, err := p.kvm("stop"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	_ = os.RemoveAll(p.dir)
}

func mustMarshal(m proto.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return b
}

func mustUnmarshal(b []byte, m proto.Message) {
	if err := proto.Unmarshal(b, m); err != nil {
		panic(err)
	}
}

// plainRequest is a Create for a host without asking it for an offer.
func plainRequest(broker, name, zone string, ask *pb.Pledge) *pb.CreateRequest {
	return &pb.CreateRequest{
		Provider: "rack1", Name: name, Pledge: ask,
		Offer: &pb.Offer{Id: "test", Zone: zone, Shape: "test"},
		Owner: &pb.Owner{Broker: broker, Allocation: "a-" + name, Key: "k-" + name, Request: "r-" + name},
		Login: &pb.Login{Hostname: name},
	}
}
