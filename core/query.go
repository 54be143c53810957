package core

import "github.com/mesoncloud/meson/pricing"

// OfferQuery says how a pledge is asked of a provider.
type OfferQuery struct {
	// Horizon is what totals are ordered by.
	Horizon pricing.Horizon
	// Limit is the most offers wanted, 0 for all.
	Limit int
	// OfferID asks for that one alone, to see whether it still stands.
	OfferID string
}

// CheckItem is one thing that a provider tried when it was tested.
type CheckItem struct {
	Subject string  `json:"subject"`
	Verdict Verdict `json:"verdict"`
	Text    string  `json:"text"`
	Hint    string  `json:"hint,omitempty"`
}

// Verdict is how a check ended.
type Verdict string

// The verdicts.
const (
	VerdictOK      Verdict = "ok"
	VerdictWarning Verdict = "warning"
	VerdictFailed  Verdict = "failed"
)

// Description is what a plugin says of itself.
type Description struct {
	Name       string   `json:"name"`
	Version    string   `json:"version"`
	SDKVersion string   `json:"sdk_version"`
	Summary    string   `json:"summary"`
	Services   []string `json:"services"`
	// ConfigSchema is the JSON Schema of the settings.
	ConfigSchema string `json:"config_schema"`
	// ConsistencyWindowMS is how long what was made may be missing from reads.
	ConsistencyWindowMS int64 `json:"consistency_window_ms"`
	// LiveInventory means that refusals for capacity need not be remembered.
	LiveInventory bool `json:"live_inventory"`
}

// Discovery is a provider that a plugin found and that could be added as it
// stands.
type Discovery struct {
	Plugin        string `json:"plugin"`
	SuggestedName string `json:"suggested_name"`
	// Settings are the plugin's, as one JSON object.
	Settings []byte `json:"-"`
	Text     string `json:"text"`
}
