package ledgertest

import (
	"fmt"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
	"github.com/mesoncloud/meson/pricing"
)

// noon has a part of a second that a sloppy store would lose.
func noon() time.Time { return time.Date(2031, 3, 4, 12, 0, 0, 123456789, time.UTC) }

// Pledge is one with every field set, secrets included.
func Pledge() core.Pledge {
	return core.Pledge{
		Name: "web", Description: "a\nwhole <machine>", Slots: 3, Overprovision: 3, AllowSMT: true,
		Archs: []core.Arch{core.ArchARM8, core.ArchX8664}, Flags: []string{"aes", "avx2"},
		MinFrequencyMHz: 2417, MemoryMiB: 3000, RequireECC: true,
		OS:  core.OS{Family: "linux", Flavour: "debian12"},
		PCI: []core.PCIRequest{{Vendor: "10de", Model: "20b0", Quantity: 2}},
		Volumes: []core.VolumeRequest{
			{VID: "v-1", Bootable: true, Shareable: true},
			{Name: "data", SizeMiB: 128 * 3, ReadOnly: true, Volatile: true, Private: true, Format: "qcow2"},
		},
		Networks: []core.NetworkRequest{{UID: "n-1"}},
		Login: core.Login{
			Username: "ada", Password: core.NewSecret("Correct-Horse-7"),
			SSHKeys: []string{"ssh-ed25519 AAAA ada"},
		},
		BootDiskGiB: 11, PublicIPv4: true, Strict: true, Firmware: "efi", TPM: true, Autostart: true,
		UserData: core.NewSecret("#cloud-config\nruncmd: [echo Battery-Staple-9]\n"),
	}
}

// PriceList is one whose quotes have as many digits as money can have.
func PriceList(t testing.TB, revision string) *pricing.List {
	t.Helper()
	euro := func(amount string) pricing.Money { return value(pricing.NewMoney(amount, "EUR"))(t) }
	return &pricing.List{
		Revision: revision, Source: "book", AsOf: noon(),
		Prices: []pricing.Price{
			{
				SKU: "core", Kind: pricing.KindCompute, Unit: pricing.UnitHour, Amount: euro("0.01"), Text: "a core",
				Family: "f", Confidence: "high", Source: "a row's own", AsOf: noon().Add(-time.Hour),
				Billing: &pricing.Billing{
					IncrementSeconds: 1, MinimumSeconds: 60, Spot: true, SpotOf: "demand", Stopped: pricing.StoppedFree, Source: "rules", AsOf: noon(),
					Tiers:    []pricing.Tier{{UpToPercent: 50, Factor: "1"}, {UpToPercent: 100, Factor: "0.8"}},
					Includes: []pricing.Inclusion{{SKU: "disk", Amount: "1", PerMonth: true}},
				},
			},
			{SKU: "demand", Kind: pricing.KindCompute, Unit: pricing.UnitHour, Amount: euro("0.02")},
			{SKU: "disk", Kind: pricing.KindDisk, Unit: pricing.UnitGiBMonth, Amount: euro("0.000007"), Billing: &pricing.Billing{CapHours: 672, Stopped: pricing.StoppedBilled}},
			{SKU: "ip", Kind: pricing.KindAddress, Unit: pricing.UnitMonth, Amount: euro("0"), Free: true},
		},
	}
}

// Quote is one with every field set, priced from PriceList.
func Quote(t testing.TB, id, provider string) core.Quote {
	t.Helper()
	list := PriceList(t, "r1")
	quantities := []pricing.Quantity{
		{SKU: "core", Amount: "1", Divisor: 3, Text: "a third"},
		{SKU: "disk", Amount: "11"},
		{SKU: "ip", Amount: "1", Included: true},
	}
	return core.Quote{
		ID: id,
		Offer: core.Offer{
			ID: "offer-" + id, Provider: provider, Plugin: "kvm", Region: "r", Zone: "z", Shape: "s",
			VCPUs: 2, MemoryMiB: 3000, Arch: "x86_64", Unknown: []string{"reqECC"}, Quantities: quantities,
			ListRevision: list.Revision, ExpiresAt: noon().Add(time.Minute),
			Facts: map[string]string{"accelerator": "tcg"}, Token: []byte{0, 1, 0xff}, QuoteOnly: "no credentials",
			Consumer: consumer(),
		},
		Price: price(t, list, quantities), Machine: new(price(t, list, quantities)),
		Volumes: []core.VolumeChoice{
			{Index: 1, Name: "data", Provider: "vault1", Quote: new(volumeQuote(t)), ReadOnly: true, Boot: true, Way: exposure(), FX: price(t, list, quantities).FX},
			{Name: "old", Provider: "vault1", VolumeID: "v-1"},
		},
	}
}

func exposure() core.Exposure {
	return core.Exposure{Kind: core.ConnectISCSI, Host: "h", Network: "n", Provider: "rack1", Zone: "z", Text: "t", Rank: 3}
}

func consumer() core.Consumer {
	return core.Consumer{
		Kinds: []core.ConnectionKind{core.ConnectISCSI, core.ConnectFile}, Host: "h", Networks: []string{"n"}, InitiatorIQN: "iqn.2026-01.dev.meson:h",
		Provider: "rack1", Zone: "z", GuestMounts: true,
	}
}

func volumeQuote(t testing.TB) core.VolumeQuote {
	t.Helper()
	list := PriceList(t, "r1")
	quantities := []pricing.Quantity{{SKU: "core", Amount: "3", Divisor: 2, Text: "GiB"}, {SKU: "disk", Amount: "3"}, {SKU: "ip", Amount: "1", Included: true}}
	return core.VolumeQuote{
		ID: "vq-1", Price: price(t, list, quantities),
		Offer: core.VolumeOffer{
			ID: "vo", Provider: "vault1", Plugin: "iscsi", Region: "r", Zone: "z", Tier: "fast", SizeBytes: 1 << 30, Exposures: []core.Exposure{exposure()},
			Unknown: []string{"private"}, Quantities: quantities, ListRevision: list.Revision, ExpiresAt: noon(), Facts: map[string]string{"free": "9"},
			Format: "qcow2", QuoteOnly: "full", Token: []byte{0, 0xfe},
		},
	}
}

// Volume is one as it is when it is intended, of an allocation or by itself.
func Volume(t testing.TB, allocation string) core.VolumeRecord {
	t.Helper()
	id := ledger.NewID()
	return core.VolumeRecord{
		ID: id, Name: "data", Provider: "vault1", State: core.VolumeIntended, Allocation: allocation, Index: 1, Volatile: true,
		Owner:  core.Owner{Broker: "b", Allocation: id, Key: id + "-vol-1", Request: "ff"},
		Spec:   core.VolumeSpec{SizeBytes: 1 << 30, Bootable: true, Shareable: true, ReadOnly: true, Private: true, Format: "raw"},
		Origin: core.VolumeOrigin{ImageURL: "u", ImageSHA256: "s", Snapshot: "p", Volume: "v"},
		Quote:  volumeQuote(t), CreatedAt: noon(), UpdatedAt: noon(),
	}
}

// Attachment is one as it is when it is intended.
func Attachment(id, allocation string) core.AttachmentRecord {
	return core.AttachmentRecord{
		ID: id, Allocation: allocation, Attempt: 1, Index: 2, Provider: "vault1", VolumeID: "v-9", Name: "data", ReadOnly: true, Boot: true,
		Owner: core.Owner{Broker: "b", Allocation: allocation, Key: "k", Request: "ff"}, From: consumer(), Holder: "ada@desk", Change: "resize volume",
		State: core.AttachmentIntended, CreatedAt: noon(), UpdatedAt: noon(),
	}
}

// price has every field of a quote set: it is under rules and converted.
func price(t testing.TB, list *pricing.List, quantities []pricing.Quantity) pricing.Quote {
	t.Helper()
	q := value(list.QuoteUsage(quantities, pricing.Usage{Running: 729 * time.Hour, Stopped: time.Hour}))(t)
	q = value(pricing.Adjust(q, []pricing.Rule{{Name: "a fee", Stage: pricing.StageOperatorFee, Percent: "7"}}, noon(), ""))(t)
	rates := value(pricing.NewRates("EUR", noon(), "a test", map[string]string{"USD": "1.1"}))(t)
	return value(rates.Convert(q, "USD"))(t)
}

// Allocation is one as it is when it begins, with everything set that can be.
func Allocation(t testing.TB, name string) core.Allocation {
	t.Helper()
	quotes := []core.Quote{Quote(t, "best-0001", "rack1"), Quote(t, "next-0002", "rack2")}
	return core.Allocation{
		ID: ledger.NewID(), Name: name, State: core.Pending, Pledge: Pledge(), PledgeHash: "cafe",
		Placement: core.Placement{Quotes: quotes, Why: "the cheapest"},
		CreatedAt: noon(), UpdatedAt: noon(),
	}
}

// running is what fills an allocation in with all that it has later.
func running(t testing.TB) func(*core.Allocation) error {
	t.Helper()
	offer := Quote(t, "next-0002", "rack2")
	return func(a *core.Allocation) error {
		a.State, a.Message, a.Volumes, a.LastSeen, a.Abandoned = core.Creating, "a message", []string{"v-1"}, noon(), true
		a.Offer = &offer
		a.Instance = &core.Instance{
			ID: "i-1", Provider: "rack2", Owner: Attempt(*a, 1).Owner, Name: "web", State: core.Creating,
			Progress:  core.Progress{Step: "image", Percent: 40, Text: "copying"},
			Addresses: []core.Address{{IP: "192.0.2.7", Public: true, Network: "n-1"}},
			Console:   "vnc", Message: "m", Region: "r", Zone: "z", Shape: "s", CreatedAt: noon().Add(time.Second),
			Consumer: consumer(), Attachments: []core.Attachment{{ID: "x-1-0", VolumeID: "v-1", Name: "data", Boot: true, Connection: ways()}},
		}
		return nil
	}
}

// ways are all there are, without the secrets that no machine is seen with.
func ways() core.Connection {
	return core.Connection{
		Kind: core.ConnectISCSI, ReadOnly: true, File: &core.FileConnection{Host: "h", File: "/f", Format: "raw"},
		ISCSI: &core.ISCSIConnection{Portals: []string{"192.0.2.1:3260"}, TargetIQN: "t", LUN: 1, InitiatorIQN: "i", CHAPUser: "u"},
		NBD:   &core.NBDConnection{URI: "nbd://h/x"}, NFS: &core.NFSConnection{Server: "s", Export: "/e", Version: "4"},
		RBD:    &core.RBDConnection{Monitors: []string{"m"}, Pool: "p", Namespace: "n", Image: "i", User: "u", ClusterFSID: "f"},
		Native: &core.NativeConnection{VolumeID: "v-1"},
	}
}

// Attempt is one at an allocation's best quote.
func Attempt(a core.Allocation, number int) core.Attempt {
	return core.Attempt{
		Allocation: a.ID, Number: number, State: core.AttemptIntended,
		Owner:     core.Owner{Broker: "b", Allocation: a.ID, Key: fmt.Sprintf("%s-%d", a.ID, number), Request: "ff"},
		Quote:     a.Placement.Quotes[(number-1)%len(a.Placement.Quotes)],
		CreatedAt: noon(), UpdatedAt: noon(),
	}
}

// begun is an allocation in a ledger.
func begun(t *testing.T, l ledger.Ledger, name string) core.Allocation {
	t.Helper()
	a := Allocation(t, name)
	must(t, l.Begin(t.Context(), a))
	return a
}

func step(name string) core.Event { return core.Event{Step: name, Text: "text of " + name} }

// unsecret is what a ledger gives back of a pledge.
func unsecret(p core.Pledge) core.Pledge {
	ledger.Secrets{}.Into(&p)
	return p
}
