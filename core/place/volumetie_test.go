package place_test

import (
	"math/rand/v2"
	"testing"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/place"
)

// formatted is an offer of a format in a vault, reached over iSCSI at a speed.
func formatted(t *testing.T, provider, vault, id, format, month string, rank int) core.VolumeCandidate {
	t.Helper()
	c := disk(t, 0, id, provider, month, "EUR", core.Exposure{Kind: core.ConnectISCSI, Rank: rank})
	c.Quote.Offer.Tier, c.Quote.Offer.Format = vault, format
	return c
}

// Where two ways to have a volume cost the same, the provider's order of formats
// stands within each of its vaults; between vaults and providers, and between offers of
// one format, the faster one is taken. Who answered first changes nothing.
func TestVolumesThatCostTheSame(t *testing.T) {
	t.Parallel()
	of := func(provider, vault, id, format, month string, rank int) core.VolumeCandidate {
		return formatted(t, provider, vault, id, format, month, rank)
	}
	dry := of("v", "a", "00/a/qcow2", "qcow2", "1", 2)
	dry.Quote.Offer.QuoteOnly = "for want of credentials"
	for name, c := range map[string]struct {
		candidates []core.VolumeCandidate
		want       string
	}{
		"the provider's format before the faster one": {[]core.VolumeCandidate{of("v", "a", "00/a/qcow2", "qcow2", "1", 2), of("v", "a", "01/a/raw", "raw", "1", 1)}, "v 00/a/qcow2"},
		"which may be raw":                            {[]core.VolumeCandidate{of("v", "a", "00/a/raw", "raw", "1", 1), of("v", "a", "01/a/qcow2", "qcow2", "1", 2)}, "v 00/a/raw"},
		"a lower price before both":                   {[]core.VolumeCandidate{of("v", "a", "00/a/qcow2", "qcow2", "1.50", 2), of("v", "a", "01/a/raw", "raw", "1", 1)}, "v 01/a/raw"},
		"however it is written":                       {[]core.VolumeCandidate{of("v", "a", "00/a/qcow2", "qcow2", "1.50", 2), of("v", "a", "01/a/raw", "raw", "1.5", 1)}, "v 00/a/qcow2"},
		"what can be bought":                          {[]core.VolumeCandidate{dry, of("v", "a", "01/a/raw", "raw", "1", 1)}, "v 01/a/raw"},
		"the faster of one format":                    {[]core.VolumeCandidate{of("v", "a", "00/a/raw", "raw", "1", 2), of("v", "a", "01/a/raw", "raw", "1", 1)}, "v 01/a/raw"},
		"none says its format":                        {[]core.VolumeCandidate{of("v", "a", "00", "", "1", 2), of("v", "a", "01", "", "1", 1)}, "v 01"},
		"the faster of two vaults":                    {[]core.VolumeCandidate{of("v", "a", "00/a/qcow2", "qcow2", "1", 2), of("v", "b", "02/b/raw", "raw", "1", 1)}, "v 02/b/raw"},
		"the faster of two providers": {[]core.VolumeCandidate{
			of("v", "a", "00/a/qcow2", "qcow2", "1", 2), of("v", "a", "01/a/raw", "raw", "1", 1),
			of("w", "a", "00/a/raw", "raw", "1", 1), of("w", "a", "01/a/qcow2", "qcow2", "1", 2),
		}, "w 00/a/raw"},
		// Compared two at a time these would be a circle: each vault prefers qcow2, and
		// raw of one is faster than qcow2 of the other.
		"the first of two vaults with the same order": {[]core.VolumeCandidate{
			of("v", "a", "00/a/qcow2", "qcow2", "1", 2), of("v", "a", "01/a/raw", "raw", "1", 1),
			of("v", "b", "02/b/qcow2", "qcow2", "1", 2), of("v", "b", "03/b/raw", "raw", "1", 1),
		}, "v 00/a/qcow2"},
		"the same zone name in two regions": {func() []core.VolumeCandidate {
			near, far := of("v", "a", "00", "qcow2", "1", 2), of("v", "a", "01", "raw", "1", 1)
			near.Quote.Offer.Region, far.Quote.Offer.Region = "r1", "r2"
			return []core.VolumeCandidate{near, far}
		}(), "v 01"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 20 {
				rand.Shuffle(len(c.candidates), func(i, j int) { c.candidates[i], c.candidates[j] = c.candidates[j], c.candidates[i] })
				paired, reasons := place.WithVolumes([]core.Quote{machineOn(t, "m", "rack", "h1", "0.01", "EUR")}, newDisk(), c.candidates, nil)
				if len(paired) != 1 || len(reasons) != 0 {
					t.Fatalf("%d quotes, %+v", len(paired), reasons)
				}
				if got := paired[0].Volumes[0]; got.Provider+" "+got.Quote.Offer.ID != c.want {
					t.Fatalf("%s %s, want %s", got.Provider, got.Quote.Offer.ID, c.want)
				}
			}
		})
	}
}
