package upcloud

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
)

// Options say what cloud it is. The zero value is one where nothing takes time.
type Options struct {
	// Clock is the time it lives in; nil is one of speed 0.
	Clock *Clock
	// Seed decides about identifiers, addresses and delays.
	Seed uint64
	// Log gets a line for every request, without its body and credentials; nil is none.
	Log *slog.Logger
	// Account is whose cloud it is; nil is DefaultAccount.
	Account *Account
	// Credentials are who may call; none is the one whose token is DefaultToken.
	Credentials []Credential
	// Zones and Plans are what is sold where; nil is Zones() and Plans().
	Zones []Zone
	Plans []Plan
	// ImportBytes is how much an import reads at most; 0 is 64 MiB.
	ImportBytes int64
}

// Server is the emulated cloud. It serves API 1.3 below /1.3/, and is safe for
// concurrent use. Close ends what it still does by itself.
type Server struct {
	clock  *Clock
	log    *slog.Logger
	zones  []Zone
	plans  []Plan
	router *http.ServeMux
	faults *Faults
	users  *credentials

	importBytes int64
	background  sync.WaitGroup
	ctx         context.Context // ends with Close: imports outlive the request that began them
	cancel      context.CancelFunc

	mu       sync.Mutex // guards all below
	identity *identity
	agenda   agenda
	meter    *meter
	account  Account
	stocks   map[stock]int
	machines map[string]*machine
	storages map[string]*storage
	networks map[string]*network
	address  map[string]*address
	imports  map[string]*storageImport // by the storage's UUID
	tokens   map[string]*token
	requests map[Operation]int
}

// NewServer returns a cloud with nothing in it but public templates and networks.
func NewServer(o Options) *Server {
	if o.Clock == nil {
		o.Clock = NewClock(ClockOptions{})
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Account == nil {
		a := DefaultAccount()
		o.Account = &a
	}
	if o.Credentials == nil {
		o.Credentials = []Credential{{Username: o.Account.Username, Token: DefaultToken, Password: DefaultToken}}
	}
	if o.Zones == nil {
		o.Zones = Zones()
	}
	if o.Plans == nil {
		o.Plans = Plans()
	}
	if o.ImportBytes == 0 {
		o.ImportBytes = 64 << 20
	}
	s := &Server{
		clock: o.Clock, log: o.Log, zones: o.Zones, plans: o.Plans, users: newCredentials(o.Clock, o.Credentials), importBytes: o.ImportBytes,
		identity: newIdentity(o.Seed), meter: newMeter(), account: *o.Account, stocks: gpuStocks(o.Zones, o.Plans),
		machines: map[string]*machine{}, storages: map[string]*storage{}, networks: map[string]*network{},
		address: map[string]*address{}, imports: map[string]*storageImport{}, tokens: map[string]*token{}, requests: map[Operation]int{},
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.faults = newFaults()
	s.router = s.routes()
	s.publicTemplates()
	s.publicNetworks()
	return s
}

// Close ends imports that still run, and requests that a fault makes hang. A
// closed server may still be asked.
func (s *Server) Close() {
	s.mu.Lock() // no import begins after this
	s.cancel()
	s.mu.Unlock()
	s.faults.Clear()
	s.background.Wait()
}

// Clock is the time the cloud lives in.
func (s *Server) Clock() *Clock { return s.clock }

// Faults are the switches of what shall go wrong.
func (s *Server) Faults() *Faults { return s.faults }

// Next moves virtual time to when the cloud will next do something by itself,
// and reports whether there was anything: `for s.Next() {}` lets it come to rest.
func (s *Server) Next() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.settle()
	at, some := s.agenda.next()
	if !some {
		return false
	}
	s.clock.Step(at.Sub(now))
	s.settle()
	return true
}
