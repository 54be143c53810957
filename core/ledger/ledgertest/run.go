// Package ledgertest is the suite that every engine of a ledger passes.
package ledgertest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
	"github.com/mesoncloud/meson/pricing"
)

// Store opens one and the same store anew, as another broker would. Whatever it
// opens is closed with the test.
type Store func() ledger.Ledger

// Run holds an engine to the contract of [ledger.Ledger]. fresh makes a store
// that is empty and shares nothing with any other.
func Run(t *testing.T, fresh func(t *testing.T) Store) {
	for name, test := range map[string]func(*testing.T, Store){
		"Samples":             testSamples,
		"Identity":            testIdentity,
		"Providers":           testProviders,
		"ProviderConflicts":   testProviderConflicts,
		"ProviderInUse":       testProviderInUse,
		"ForgetProvider":      testForgetProvider,
		"PriceLists":          testPriceLists,
		"PriceListInfos":      testPriceListInfos,
		"ListUse":             testListUse,
		"ListUseEnds":         testListUseEnds,
		"ListUseRaces":        testListUseRaces,
		"Rates":               testRates,
		"RatesRaces":          testRatesRaces,
		"Terms":               testTerms,
		"TermsRaces":          testTermsRaces,
		"Quotes":              testQuotes,
		"QuotePrefix":         testQuotePrefix,
		"Prune":               testPrune,
		"AllocationRoundTrip": testAllocationRoundTrip,
		"BeginConflicts":      testBeginConflicts,
		"FindAllocation":      testFindAllocation,
		"ListAllocations":     testListAllocations,
		"Change":              testChange,
		"ChangeRules":         testChangeRules,
		"Attempts":            testAttempts,
		"AttemptRules":        testAttemptRules,
		"Ending":              testEnding,
		"Events":              testEvents,
		"Volumes":             testVolumes,
		"VolumeRules":         testVolumeRules,
		"Attachments":         testAttachments,
		"OneWriter":           testOneWriter,
		"AttachmentRules":     testAttachmentRules,
		"Held":                testHeld,
		"Refusals":            testRefusals,
		"Secrets":             testSecrets,
		"SecretsSpent":        testSecretsSpent,
		"Lock":                testLock,
		"Concurrent":          testConcurrent,
		"FollowEvents":        testFollowEvents,
		"Cancelled":           testCancelled,
		"Closed":              testClosed,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, fresh(t))
		})
	}
}

// same fails the test where two values differ. Money is compared exactly.
func same(t *testing.T, what string, got, want any, opts ...cmp.Option) {
	t.Helper()
	opts = append(opts,
		cmp.Comparer(func(a, b pricing.Money) bool { return a.String() == b.String() }),
		cmp.Comparer(func(a, b core.Secret) bool { return a == b }),
	)
	if diff := cmp.Diff(want, got, opts...); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// must fails the test on an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// value is for calls that give a value and must not fail.
func value[T any](v T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		must(t, err)
		return v
	}
}

// refused fails the test unless err is of the kind.
func refused(t *testing.T, what string, err error, kind core.Kind) *core.Error {
	t.Helper()
	e, ok := err.(*core.Error) // the outermost has to be one
	if !ok || e.Kind != kind {
		t.Fatalf("%s: got %v, want an error of kind %s", what, err, kind)
	}
	if e.Op == "" {
		t.Errorf("%s: the error does not say what was being done: %v", what, err)
	}
	return e
}

func ids(all []core.Allocation) []string {
	var r []string
	for _, a := range all {
		r = append(r, a.ID)
	}
	return r
}
