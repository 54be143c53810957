package sdk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
	"github.com/mesoncloud/meson/sdk/sdktest"
)

// probe is a provider whose calls do what a test says.
type probe struct {
	config probeConfig
	closed chan struct{}
	get    func(ctx context.Context, req *pb.GetRequest) (*pb.Instance, error)
	create func(ctx context.Context, req *pb.CreateRequest) (*pb.Instance, error)
	offer  func(send func(*pb.OfferResponse) error) error
}

type probeConfig struct {
	Number int        `json:"number"`
	Key    sdk.Secret `json:"key" secret:"true"`
}

func (p *probe) Check(context.Context) ([]*pb.CheckItem, error)   { return nil, nil }
func (p *probe) PriceList(context.Context) (*pricing.List, error) { return nil, nil }
func (p *probe) Close(context.Context) error                      { close(p.closed); return nil }

func (p *probe) Offer(_ context.Context, _ *pb.OfferRequest, send func(*pb.OfferResponse) error) error {
	return p.offer(send)
}

func (p *probe) Create(ctx context.Context, req *pb.CreateRequest) (*pb.Instance, error) {
	return p.create(ctx, req)
}

func (p *probe) Get(ctx context.Context, req *pb.GetRequest) (*pb.Instance, error) {
	return p.get(ctx, req)
}
func (p *probe) List(context.Context, *pb.ListRequest, func(*pb.Instance) error) error { return nil }
func (p *probe) Delete(context.Context, *pb.DeleteRequest) error {
	return sdk.Errorf(sdk.NotFound, "gone")
}

func (p *probe) Watch(ctx context.Context, _ *pb.GetRequest, send func(*pb.Instance) error) error {
	if err := send(&pb.Instance{Id: "i"}); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

type probes struct {
	mu  sync.Mutex
	all []*probe
	log bytes.Buffer
}

func (ps *probes) last() *probe {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return ps.all[len(ps.all)-1]
}

func (ps *probes) opened() int {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return len(ps.all)
}

// serveProbes serves probes that template makes.
func serveProbes(t *testing.T, template probe) (*probes, *sdk.Client) {
	t.Helper()
	ps := &probes{}
	log := slog.New(sdk.NewLogHandler(&ps.log, sdk.LogOptions{Module: "probe", Level: slog.LevelDebug}))
	c := sdktest.Serve(t, sdk.NewServer(sdk.Definition[probeConfig, *probe]{
		Name: "probe", Version: "1", Summary: "x",
		Open: func(_ context.Context, _ string, c *probeConfig, _ *slog.Logger) (*probe, error) {
			p := template
			p.config, p.closed = *c, make(chan struct{})
			ps.mu.Lock()
			defer ps.mu.Unlock()
			ps.all = append(ps.all, &p)
			return &p, nil
		},
	}, log))
	configure(t, c, `{"number":1}`, "k")
	return ps, c
}

func configure(t *testing.T, c *sdk.Client, config, key string) {
	t.Helper()
	req := &pb.ConfigureRequest{Provider: "p1", ConfigJson: config, Secrets: map[string][]byte{"key": []byte(key)}}
	if _, err := c.Configure(t.Context(), req); err != nil {
		t.Fatal(err)
	}
}

func TestConfigureAgain(t *testing.T) {
	ps, c := serveProbes(t, probe{})
	configure(t, c, ` { "number" : 1 } `, "k")
	if n := ps.opened(); n != 1 {
		t.Errorf("equal settings opened it again: %d", n)
	}
	configure(t, c, `{"number":1}`, "other")
	if n := ps.opened(); n != 2 {
		t.Errorf("another secret did not open it again: %d", n)
	}
	configure(t, c, `{"number":2}`, "other")
	if p := ps.last(); ps.opened() != 3 || p.config.Number != 2 || p.config.Key.Reveal() != "other" {
		t.Errorf("%d opened, the last with %+v", ps.opened(), p.config)
	}
}

// The old provider is closed only when its calls have ended, and watches do not
// keep it.
func TestReplacedProviderEndsItsCalls(t *testing.T) {
	release := make(chan struct{})
	entered := make(chan struct{})
	ps, c := serveProbes(t, probe{get: func(context.Context, *pb.GetRequest) (*pb.Instance, error) {
		close(entered)
		<-release
		return &pb.Instance{Id: "old"}, nil
	}})
	old := ps.last()
	r := c.Provider("p1")
	var wg sync.WaitGroup
	watching := make(chan struct{})
	wg.Go(func() {
		err := r.Watch(t.Context(), &pb.GetRequest{Id: "i"}, func(*pb.Instance) error { close(watching); return nil })
		if sdk.KindOf(err) != sdk.Unavailable {
			t.Errorf("watch of the old provider: %v, want Unavailable", err)
		}
	})
	wg.Go(func() {
		if i, err := r.Get(t.Context(), &pb.GetRequest{Id: "i"}); err != nil || i.GetId() != "old" {
			t.Errorf("call under way: %v, %v", i, err)
		}
	})
	<-watching
	<-entered
	configure(t, c, `{"number":2}`, "k")
	select {
	case <-old.closed:
		t.Error("closed under a call")
	case <-time.After(50 * time.Millisecond):
	}
	close(release)
	wg.Wait()
	select {
	case <-old.closed:
	case <-time.After(5 * time.Second):
		t.Error("never closed")
	}
}

func TestPanicIsInternalAndSurvived(t *testing.T) {
	ps, c := serveProbes(t, probe{get: func(context.Context, *pb.GetRequest) (*pb.Instance, error) { panic("secret-free text") }})
	for range 2 {
		_, err := c.Provider("p1").Get(t.Context(), &pb.GetRequest{Id: "i"})
		if sdk.KindOf(err) != sdk.Internal {
			t.Fatalf("%v, want Internal", err)
		}
	}
	if log := ps.log.String(); !strings.Contains(log, "server_test.go") || !strings.Contains(log, "secret-free text") {
		t.Errorf("the log lacks the stack: %s", log)
	}
}

func TestKindsOfErrorsWithoutKind(t *testing.T) {
	plain := errors.New("something")
	_, c := serveProbes(t, probe{
		get:    func(context.Context, *pb.GetRequest) (*pb.Instance, error) { return nil, plain },
		create: func(context.Context, *pb.CreateRequest) (*pb.Instance, error) { return nil, plain },
	})
	r := c.Provider("p1")
	if _, err := r.Get(t.Context(), &pb.GetRequest{Id: "i"}); sdk.KindOf(err) != sdk.Internal {
		t.Errorf("get: %v, want Internal", err)
	}
	if _, err := r.Create(t.Context(), createRequest()); sdk.KindOf(err) != sdk.Uncertain {
		t.Errorf("create: %v, want Uncertain", err)
	}
	if err := r.Delete(t.Context(), &pb.DeleteRequest{Id: "i"}); err != nil {
		t.Errorf("delete of what is not there: %v, want none", err)
	}
	// NotFound would say that the machine is not there.
	if _, err := c.Provider("p2").Get(t.Context(), &pb.GetRequest{Id: "i"}); sdk.KindOf(err) != sdk.Unavailable {
		t.Errorf("unknown provider: %v, want Unavailable", err)
	}
	if _, err := r.SetPower(t.Context(), &pb.SetPowerRequest{Id: "i", Action: 1}); sdk.KindOf(err) != sdk.Unsupported {
		t.Errorf("ability that it lacks: %v, want Unsupported", err)
	}
}

func createRequest() *pb.CreateRequest {
	return &pb.CreateRequest{
		Owner: &pb.Owner{Broker: "b", Allocation: "a", Key: "k", Request: "r"}, Name: "web1",
		Pledge: &pb.Pledge{Slots: 1, MemoryMib: 1}, Offer: &pb.Offer{Id: "o"},
	}
}

func TestRequestsAreChecked(t *testing.T) {
	_, c := serveProbes(t, probe{create: func(context.Context, *pb.CreateRequest) (*pb.Instance, error) {
		t.Error("a wrong request reached the plugin")
		return nil, nil
	}})
	req := createRequest()
	req.Owner.Key, req.Owner.Broker, req.Name, req.Pledge.Slots, req.Offer = "", "Über", "-x", 257, nil
	req.Attachments = []*pb.Attachment{{Id: "A"}}
	_, err := c.Provider("p1").Create(t.Context(), req)
	e, ok := errors.AsType[*sdk.Error](err)
	if !ok || e.Kind != sdk.Invalid {
		t.Fatalf("%v", err)
	}
	var paths []string
	for _, f := range e.Faults {
		paths = append(paths, f.Path)
	}
	want := []string{"owner.broker", "owner.key", "name", "pledge.slots", "offer.id", "attachments[0].id", "attachments[0].connection"}
	if d := cmp.Diff(want, paths); d != "" {
		t.Errorf("want -, got +\n%s", d)
	}
}

// Nothing is made of an offer that says it cannot be bought: whoever sends it has
// not read it, and the plugin need not look for that.
func TestQuoteOnlyIsNotForCreate(t *testing.T) {
	_, c := serveProbes(t, probe{create: func(context.Context, *pb.CreateRequest) (*pb.Instance, error) {
		t.Error("an offer that can only be quoted reached the plugin")
		return nil, nil
	}})
	req := createRequest()
	req.Offer.QuoteOnly, req.Offer.Token = "no credentials for gcp", make([]byte, 5000)
	_, err := c.Provider("p1").Create(t.Context(), req)
	e, ok := errors.AsType[*sdk.Error](err)
	if !ok || e.Kind != sdk.Invalid || len(e.Faults) != 2 {
		t.Fatalf("%v: want Invalid, for both faults", err)
	}
	if f := e.Faults[1]; f.Path != "offer.quote_only" || !strings.Contains(f.Text, "no credentials for gcp") {
		t.Errorf("%+v", f)
	}
}

func TestSameKeyIsOneCallAtATime(t *testing.T) {
	var mu sync.Mutex
	inside := 0
	_, c := serveProbes(t, probe{create: func(ctx context.Context, _ *pb.CreateRequest) (*pb.Instance, error) {
		mu.Lock()
		inside++
		if inside > 1 {
			t.Error("two Creates with one key at once")
		}
		mu.Unlock()
		time.Sleep(2 * time.Millisecond)
		mu.Lock()
		inside--
		mu.Unlock()
		return &pb.Instance{Id: "i"}, nil
	}})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := c.Provider("p1").Create(t.Context(), createRequest()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestOffersOfAPluginAreBounded(t *testing.T) {
	endless := func(send func(*pb.OfferResponse) error) error {
		for {
			if err := send(&pb.OfferResponse{Reasons: make10(&pb.Reason{Text: "no\x1b[2J"})}); err != nil {
				return err
			}
		}
	}
	_, c := serveProbes(t, probe{offer: endless})
	n := 0
	err := c.Provider("p1").Offer(t.Context(), offerRequest(), func(r *pb.OfferResponse) error {
		n += len(r.GetReasons())
		if text := r.GetReasons()[0].GetText(); text != "no[2J" {
			t.Fatalf("text %q", text)
		}
		return nil
	})
	if sdk.KindOf(err) != sdk.Internal || n > sdk.MaxReasons {
		t.Errorf("%d reasons, error %v", n, err)
	}
}

func TestLargeBatchesAreSplit(t *testing.T) {
	_, c := serveProbes(t, probe{offer: func(send func(*pb.OfferResponse) error) error {
		answer := &pb.OfferResponse{Reasons: make10(&pb.Reason{Text: "no"})}
		for i := range 2000 {
			answer.Offers = append(answer.Offers, &pb.Offer{Id: fmt.Sprint(i), Token: make([]byte, 2000)})
		}
		return send(answer)
	}})
	var ids []string
	reasons := 0
	err := c.Provider("p1").Offer(t.Context(), offerRequest(), func(r *pb.OfferResponse) error {
		for _, o := range r.GetOffers() {
			ids = append(ids, o.GetId())
		}
		reasons += len(r.GetReasons())
		return nil
	})
	if err != nil || len(ids) != 2000 || ids[0] != "0" || ids[1999] != "1999" || reasons != 10 {
		t.Errorf("%d offers, %d reasons, error %v", len(ids), reasons, err)
	}
}

func make10[T any](v T) []T {
	out := make([]T, 10)
	for i := range out {
		out[i] = v
	}
	return out
}

func offerRequest() *pb.OfferRequest {
	return &pb.OfferRequest{Pledge: &pb.Pledge{Slots: 1, MemoryMib: 1}, ForHours: 1}
}

func TestLostConnection(t *testing.T) {
	_, c := serveProbes(t, probe{
		get: func(ctx context.Context, _ *pb.GetRequest) (*pb.Instance, error) { <-ctx.Done(); return nil, ctx.Err() },
		create: func(ctx context.Context, _ *pb.CreateRequest) (*pb.Instance, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := c.Provider("p1").Get(ctx, &pb.GetRequest{Id: "i"}); sdk.KindOf(err) != sdk.Unavailable || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("get: %v, want Unavailable for the deadline", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := c.Provider("p1").Create(ctx, createRequest()); sdk.KindOf(err) != sdk.Uncertain || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("create: %v, want Uncertain for the deadline", err)
	}
}
