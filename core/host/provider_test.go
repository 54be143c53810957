package host

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/core"
)

func TestDescribeAndDiscover(t *testing.T) {
	h := newHost(t)
	got, err := provider(h, "rogue", "good").Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := core.Description{
		Name: "rogue", Version: "1.2.3", Summary: "behaves [1mbadly", ConsistencyWindowMS: 1500, LiveInventory: true,
		Services: rogueServices("rogue"), ConfigSchema: `{"type":"object"}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	p, err := h.Plugin(t.Context(), "rogue")
	if err != nil {
		t.Fatal(err)
	}
	found, err := p.Discover(t.Context())
	if core.KindOf(err) != core.Internal || !strings.Contains(fmt.Sprint(err), "not a JSON object") {
		t.Errorf("%v: want the fault of the second", err)
	}
	if diff := cmp.Diff([]core.Discovery{{Plugin: "rogue", SuggestedName: "here", Settings: []byte(`{"uri":"qemu:///system"}`), Text: "libvirt"}}, found); diff != "" {
		t.Error(diff)
	}
}

// A provider is configured once in each life of its plugin, with the secrets as
// they are in their files then.
func TestConfigure(t *testing.T) {
	h := newHost(t)
	secret := filepath.Join(t.TempDir(), "token")
	write := func(text string) {
		if err := os.WriteFile(secret, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first\n")
	cfg := core.ProviderConfig{
		Name: "configured", Plugin: "rogue", Settings: []byte(`{"zone":"a"}`), SecretFiles: map[string]string{"token": secret},
	}
	p := h.Provider(cfg)
	for range 3 {
		if got, want := ask(t, p), `configured {"zone":"a"} map["token":"first"]`; got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	write("second")
	if err := p.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := ask(t, p), `configured {"zone":"a"} map["token":"second"]`; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	cfg.Settings = []byte(`{"zone":"b"}`)
	if got := ask(t, h.Provider(cfg)); !strings.HasSuffix(got, `;configured {"zone":"b"} map["token":"second"]`) {
		t.Errorf("%s: want other settings to be sent", got)
	}
}

// Files of secrets that others can read are refused, all of them at once, before
// anything is sent; nothing of what they hold is shown.
func TestSecretFilesAreRefused(t *testing.T) {
	h := newHost(t)
	dir := t.TempDir()
	files := map[string]string{"absent": filepath.Join(dir, "absent"), "directory": dir}
	for name, mode := range map[string]os.FileMode{"readable": 0o644, "writable": 0o620, "good": 0o640} {
		files[name] = filepath.Join(dir, name)
		if err := os.WriteFile(files[name], []byte("hunter2"), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(files[name], mode); err != nil {
			t.Fatal(err)
		}
	}
	p := h.Provider(core.ProviderConfig{Name: "p", Plugin: "rogue", SecretFiles: files})
	_, err := p.Check(t.Context())
	e, ok := err.(*core.Error)
	if !ok || e.Kind != core.Invalid {
		t.Fatalf("%v: want Invalid", err)
	}
	var paths []string
	for _, f := range e.Faults {
		paths = append(paths, f.Path)
	}
	if diff := cmp.Diff([]string{"secrets.absent", "secrets.directory", "secrets.readable", "secrets.writable"}, paths); diff != "" {
		t.Error(diff)
	}
	if e.Hint != "chmod 600 "+files["readable"] {
		t.Errorf("hint %q", e.Hint)
	}
	if strings.Contains(fmt.Sprintf("%+v", *e), "hunter2") {
		t.Error("the error shows the secret")
	}
	if got := ask(t, provider(h, "rogue", "configured")); strings.Contains(got, "hunter2") {
		t.Errorf("a secret was sent all the same: %s", got)
	}
}

func TestMisconfiguredProviderSaysEveryFault(t *testing.T) {
	h := newHost(t)
	_, err := provider(h, "rogue", "misconfigured").Create(t.Context(), request("k1"))
	want := &core.Error{
		Kind: core.Invalid, Op: "configure", Subject: "provider misconfigured", Source: core.SourcePlugin,
		Faults: []core.Fault{{Path: "hosts", Want: "at least one"}},
	}
	if diff := cmp.Diff(want, err); diff != "" {
		t.Error(diff)
	}
}

func TestCreate(t *testing.T) {
	h := newHost(t)
	req := request("k1")
	req.Pledge.UserData = core.NewSecret("#cloud-config")
	got, err := provider(h, "rogue", "good").Create(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	want := core.Instance{
		ID: "vm-1", Provider: "good", Owner: req.Owner, Name: "web1", State: core.Running,
		Addresses: []core.Address{{IP: "10.0.0.1"}, {IP: "2001:db8::1", Public: true}},
		Message:   `s3cret 13 a ["x86_64" "aarch64"]`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for name, kind := range map[string]core.Kind{
		"full": core.Exhausted, "bare-refusal": core.Uncertain, "stateless": core.Uncertain, "swap": core.Uncertain,
	} {
		got, err := provider(h, "rogue", name).Create(t.Context(), request("k1"))
		if core.KindOf(err) != kind || got.ID != "" {
			t.Errorf("%s: %+v, %v: want %s", name, got, err, kind)
		}
	}
	_, err = provider(h, "rogue", "full").Create(t.Context(), request("k1"))
	refusal := &core.Error{
		Kind: core.Exhausted, Scope: core.ScopeCapacity, Op: "define domain", Subject: "provider full, host kvm2",
		Text: "no core left", Source: core.SourceProvider,
	}
	if diff := cmp.Diff(refusal, err); diff != "" {
		t.Error(diff)
	}
}

func TestGet(t *testing.T) {
	h := newHost(t)
	byKey := core.InstanceRef{Owner: core.Owner{Broker: "b1", Allocation: "a1", Key: "k1", Request: "r1"}}
	for _, test := range []struct {
		provider string
		ref      core.InstanceRef
		kind     core.Kind
	}{
		{"good", byKey, ""},
		{"good", core.InstanceRef{ID: "vm-1"}, ""},
		{"good", core.InstanceRef{ID: "vm-7"}, core.Internal},
		{"good", core.InstanceRef{ID: "vm-1", Owner: core.Owner{Broker: "b2"}}, core.Internal},
		{"swap", byKey, core.Internal},
		{"absent", byKey, core.NotFound},
		{"gone", byKey, core.NotFound},
		{"unconfigurable", byKey, core.Unavailable},
	} {
		in, err := provider(h, "rogue", test.provider).Get(t.Context(), test.ref)
		if core.KindOf(err) != test.kind || (err == nil) != (in.ID == "vm-1") {
			t.Errorf("%s %+v: %+v, %v: want %q", test.provider, test.ref, in, err, test.kind)
		}
	}
}

// Where the plugin is not installed, nothing is said about any machine.
func TestMissingPluginIsNotAMissingMachine(t *testing.T) {
	p := provider(newHost(t), "nowhere", "good")
	ref := core.InstanceRef{Owner: core.Owner{Broker: "b1", Allocation: "a1", Key: "k1", Request: "r1"}}
	if _, err := p.Get(t.Context(), ref); core.KindOf(err) != core.Unavailable || !strings.Contains(err.Error(), "no meson-plugin-nowhere") {
		t.Errorf("Get: %v", err)
	}
	if err := p.Delete(t.Context(), ref); core.KindOf(err) != core.Unavailable {
		t.Errorf("Delete: %v", err)
	}
	if _, err := p.Check(t.Context()); core.KindOf(err) != core.NotFound {
		t.Errorf("Check: %v", err)
	}
}

// Machines of another broker, machines without a name, and machines named twice
// are not part of a list; that something was left out is said.
func TestList(t *testing.T) {
	h := newHost(t)
	ids := func(list []core.Instance) (ids []string) {
		for _, in := range list {
			ids = append(ids, in.ID)
		}
		return ids
	}
	list, err := provider(h, "rogue", "good").List(t.Context(), "b1")
	if diff := cmp.Diff([]string{"vm-1", "vm-2"}, ids(list)); err != nil || diff != "" {
		t.Error(err, diff)
	}
	list, err = provider(h, "rogue", "liar").List(t.Context(), "b1")
	if diff := cmp.Diff([]string{"vm-1", "vm-2"}, ids(list)); diff != "" {
		t.Error(diff)
	}
	if e, ok := err.(*core.Error); !ok || e.Kind != core.Internal || e.Source != core.SourcePlugin || len(e.Faults) != 4 {
		t.Errorf("%v: want Internal with 4 faults", err)
	}
}

func TestWatch(t *testing.T) {
	h := newHost(t)
	ref := core.InstanceRef{ID: "vm-1"}
	var states []core.State
	err := provider(h, "rogue", "good").Watch(t.Context(), ref, func(in core.Instance) error {
		states = append(states, in.State)
		return nil
	})
	if diff := cmp.Diff([]core.State{core.Creating, core.Running, core.Gone}, states); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if err := provider(h, "rogue", "good").Watch(t.Context(), ref, func(core.Instance) error { return io.ErrClosedPipe }); err != io.ErrClosedPipe {
		t.Errorf("%v: want the caller's own error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = provider(h, "rogue", "patient").Watch(ctx, ref, func(core.Instance) error { cancel(); return nil })
	if core.KindOf(err) != core.Interrupted {
		t.Errorf("%v: want Interrupted", err)
	}
}

func TestSetPower(t *testing.T) {
	h := newHost(t)
	p := provider(h, "rogue", "good")
	for action, want := range map[core.PowerAction]string{
		core.PowerStart: "ACTION_START", core.PowerStop: "ACTION_STOP", core.PowerStopHard: "ACTION_STOP_HARD",
		core.PowerReboot: "ACTION_REBOOT", core.PowerRebootHard: "ACTION_REBOOT_HARD",
	} {
		in, err := p.SetPower(t.Context(), core.InstanceRef{ID: "vm-1"}, "b1", action)
		if err != nil || in.Message != want {
			t.Errorf("%s: %s, %v: want %s", action, in.Message, err, want)
		}
	}
	if _, err := p.SetPower(t.Context(), core.InstanceRef{ID: "vm-1"}, "b1", "explode"); core.KindOf(err) != core.Invalid {
		t.Errorf("%v: want Invalid", err)
	}
	if _, err := p.SetPower(t.Context(), core.InstanceRef{}, "b1", core.PowerStop); core.KindOf(err) != core.Invalid {
		t.Errorf("%v: want Invalid", err)
	}
}

// terminal is a person who types one line and leaves when it has come back.
type terminal struct {
	in   io.Reader
	out  bytes.Buffer
	want int
	done chan struct{}
}

func (c *terminal) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	if err == io.EOF {
		<-c.done
	}
	return n, err
}

func (c *terminal) Write(p []byte) (int, error) {
	n, err := c.out.Write(p)
	if c.out.Len() == c.want {
		close(c.done)
	}
	return n, err
}

func TestConsole(t *testing.T) {
	h := newHost(t)
	text := strings.Repeat("login: ", 20_000)
	c := &terminal{in: strings.NewReader(text), want: len(text), done: make(chan struct{})}
	if err := provider(h, "rogue", "good").Console(t.Context(), core.InstanceRef{ID: "vm-1"}, "b1", false, c); err != nil {
		t.Fatal(err)
	}
	if c.out.String() != strings.ToUpper(text) {
		t.Errorf("%d bytes came back: want all %d, in order", c.out.Len(), len(text))
	}
	err := provider(h, "rogue", "taken").Console(t.Context(), core.InstanceRef{ID: "vm-1"}, "b1", false, &terminal{in: strings.NewReader(""), done: make(chan struct{})})
	if core.KindOf(err) != core.Busy {
		t.Errorf("%v: want Busy", err)
	}
}

func TestPriceList(t *testing.T) {
	h := newHost(t)
	list, err := provider(h, "rogue", "good").PriceList(t.Context())
	if err != nil || len(list.Prices) != 1 || list.Revision != "r1" {
		t.Errorf("%+v, %v", list, err)
	}
	list, err = provider(h, "rogue", "liar").PriceList(t.Context())
	if list != nil || core.KindOf(err) != core.Internal {
		t.Errorf("%+v, %v: want Internal and no list", list, err)
	}
}

func TestCheckIsBounded(t *testing.T) {
	h := newHost(t)
	items, err := provider(h, "rogue", "many").Check(t.Context())
	if len(items) != maxItems || core.KindOf(err) != core.Internal {
		t.Errorf("%d items, %v: want %d and Internal", len(items), err, maxItems)
	}
}

// A call that nobody gave a deadline ends all the same.
func TestEveryCallHasADeadline(t *testing.T) {
	h := newHost(t, func(o *Options) { o.CallTimeout, o.EffectTimeout = 300*time.Millisecond, 600*time.Millisecond })
	p := provider(h, "rogue", "hangs")
	begun := time.Now()
	if _, err := p.Get(context.Background(), core.InstanceRef{ID: "vm-1"}); core.KindOf(err) != core.Unavailable {
		t.Errorf("get: %v: want Unavailable", err)
	}
	if err := p.Delete(context.Background(), core.InstanceRef{ID: "vm-1"}); core.KindOf(err) != core.Uncertain {
		t.Errorf("delete: %v: want Uncertain", err)
	}
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("they took %s", took)
	}
}

func TestWhatThePluginDoesNotServeIsNotSent(t *testing.T) {
	h := newHost(t)
	p := provider(h, "second", "good")
	err := p.change(t.Context(), "attach volume", attacherService, func(context.Context, *session) error {
		t.Error("it was sent")
		return nil
	})
	if core.KindOf(err) != core.Unsupported {
		t.Errorf("%v: want Unsupported", err)
	}
}
